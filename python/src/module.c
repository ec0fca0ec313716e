/* SPDX-License-Identifier: Apache-2.0 */
/*
 * augstream._core: the compiled part of the Python package.
 */
#include <Python.h>

#include <augstream/augstream.h>

static int fill_module(PyObject *module)
{
    if (PyModule_AddStringConstant(module, "__version__", augs_version()) < 0 ||
        PyModule_AddIntConstant(module, "CONTRACT_VERSION", (long)augs_contract_version()) < 0) {
        return -1;
    }
    return 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, (void *)fill_module}, {0, NULL}};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "augstream._core",
    .m_doc = "The compiled part of augstream. Use the package augstream.",
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__core(void)
{
    return PyModuleDef_Init(&definition);
}
