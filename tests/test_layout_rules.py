#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Breaks each rule of check_layout.py about who uses whom in a small tree of its own, and looks for the fault."""
import contextlib
import io
import pathlib
import tempfile
import unittest

import check_layout


def faults_of(files):
    """What check_layout says about a tree of these files: {path: text}."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("/* SPDX-License-Identifier: Apache-2.0 */\n" + text)
        before, check_layout.ROOT = check_layout.ROOT, root
        known, check_layout.KNOWN_CIRCLES = check_layout.KNOWN_CIRCLES, []
        try:
            told = io.StringIO()
            with contextlib.redirect_stdout(told):
                check_layout.main()
        finally:
            check_layout.ROOT = before
            check_layout.KNOWN_CIRCLES = known
        return [line for line in told.getvalue().splitlines() if "C files found" not in line and not line.endswith("keep the rules")]


class LayoutRules(unittest.TestCase):
    def assert_one(self, files, *parts):
        faults = faults_of(files)
        self.assertEqual(len(faults), 1, faults)
        for part in parts:
            self.assertIn(part, faults[0])

    def test_a_clean_tree_has_no_fault(self):
        self.assertEqual(faults_of({
            "base/a.c": "int augsi_a(void)\n{\n    return 1;\n}\n",
            "presets/b.c": "int augsi_b(void)\n{\n    return augsi_a();\n}\n",
        }), [])

    def test_two_files_that_use_each_other_are_found(self):
        self.assert_one({
            "base/a.c": "int augsi_a(void)\n{\n    return augsi_b();\n}\n",
            "base/b.c": "int augsi_b(void)\n{\n    return augsi_a();\n}\n",
        }, "base/a.c, base/b.c use each other", "augsi_b of base/b.c", "augsi_a of base/a.c")

    def test_a_circle_of_three_files_is_found(self):
        self.assert_one({
            "base/a.c": "int augsi_a(void)\n{\n    return augsi_b();\n}\n",
            "base/b.c": "int augsi_b(void)\n{\n    return augsi_c();\n}\n",
            "base/c.c": "int augsi_c(void)\n{\n    return augsi_a();\n}\n",
        }, "base/a.c, base/b.c, base/c.c use each other")

    def test_names_that_a_list_and_a_row_macro_make_are_seen(self):
        row = "void augsi_check(void)\n{\n}\n"
        self.assert_one({
            "presets/kinds.h": "#define AUGSI_KINDS(X) \\\n    X(ONE, one) \\\n    X(TWO, two)\n",
            "presets/kinds.c": row + "const void *const augsi_kinds[] = {\n#define ROW(NAME, name) [NAME] = &augsi_kind_##name,\n"
                               "    AUGSI_KINDS(ROW)\n#undef ROW\n};\n",
            "presets/kind_two.c": "const augsi_kind augsi_kind_two = {.check = augsi_check};\n",
        }, "presets/kind_two.c, presets/kinds.c use each other", "augsi_kind_two", "augsi_check")

    def test_names_that_a_macro_pastes_by_itself_are_seen(self):
        self.assert_one({
            "base/a.c": "#define OF(name) augsi_##name()\nint augsi_a(void)\n{\n    return OF(b);\n}\n",
            "base/b.c": "int augsi_b(void)\n{\n    return augsi_a();\n}\n",
        }, "base/a.c, base/b.c use each other")

    def test_functions_that_a_list_defines_are_seen(self):
        self.assert_one({
            "base/list.h": "#define LIST(X) X(one) X(two)\n",
            "base/a.c": "#define MAKE(name) \\\n    int augsi_##name(void) \\\n    { \\\n        return augsi_b(); \\\n    }\nLIST(MAKE)\n",
            "base/b.c": "int augsi_b(void)\n{\n    return augsi_two();\n}\n",
        }, "base/a.c, base/b.c use each other", "augsi_two")

    def test_a_folder_that_names_a_function_of_one_above_it_is_found(self):
        self.assert_one({
            "presets/a.c": "int augsi_a(void)\n{\n    return augs_stream_n(0);\n}\n",
            "pipeline/stream/b.c": "int augs_stream_n(int n)\n{\n    return n;\n}\n",
        }, "presets may not use pipeline/stream", "augs_stream_n (presets/a.c)")

    def test_folders_that_use_each_other_are_found(self):
        faults = faults_of({
            "presets/a.c": "int augsi_a(void)\n{\n    return augs_stream_n(0);\n}\n",
            "presets/c.c": "int augsi_c(void)\n{\n    return 0;\n}\n",
            "pipeline/stream/b.c": "int augs_stream_n(int n)\n{\n    return n + augsi_c();\n}\n",
        })
        self.assertTrue(any("the folders pipeline/stream, presets use each other" in fault for fault in faults), faults)

    def test_a_private_header_of_a_folder_above_is_found(self):
        self.assert_one({"base/a.c": '#include "presets/a.h"\n', "presets/a.h": "int augsi_a(void);\n"},
                        'base may not include "presets/a.h"')

    def test_a_circle_that_is_no_more_has_to_leave_the_list(self):
        known, check_layout.KNOWN_CIRCLES = check_layout.KNOWN_CIRCLES, [{"base/a.c", "base/b.c"}]
        try:
            told = check_layout.check_uses({"base/a.c": "int augsi_a(void)\n{\n}\n"}, [])
        finally:
            check_layout.KNOWN_CIRCLES = known
        self.assertEqual(len(told), 1)
        self.assertIn("do not use each other any more", told[0])


if __name__ == "__main__":
    unittest.main()
