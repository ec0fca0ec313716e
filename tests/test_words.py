#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What tests/check_words.py finds, and what it leaves alone: test_words.py"""
import unittest

import check_words

LONG = " ".join(["word"] * 26) + "."
WIDE = "This is one sentence that is short. And this is another one, and both are in a line."


def found(name, text):
    return [f"{line}: {fault}" for check in check_words.checks_of(name) for line, fault in check(name, text)]


class Words(unittest.TestCase):
    def finds(self, name, text, *faults):
        shown = found(name, text)
        self.assertEqual(len(shown), len(faults), shown)
        for one, fault in zip(shown, faults):
            self.assertIn(fault, one)

    def test_words_are_found_in_comments_messages_and_names(self):
        self.finds("cli/a.c", "int x;\n/* the law of it */", "2: 'law'; write contract, or rule")
        self.finds("cli/a.c", 'fail("no room left");', "1: 'room'; write space")
        self.finds("cli/a.py", "crew_size = 1", "1: 'crew'; write worker pool")
        self.finds("tests/a.c", "/* it is made\n * again */", "1: 'made again'; write recomputed")

    def test_other_words_that_contain_them_are_left_alone(self):
        self.finds("cli/a.c", "/* a warehouse, a flaw, a mushroom, a zoom, a lawn, a toothpick */")

    def test_a_rate_says_per(self):
        self.finds("base/a.h", "/* bytes a\n * sample */", "1: 'bytes a sample'; write 'bytes per sample'")
        self.finds("docs/a.md", "It takes 3 seconds a batch.", "write 'seconds per batch'")
        self.finds("docs/a.md", "The seconds a batch takes are measured. A batch of values a rank has not seen.")

    def test_sentences_of_pages_are_short(self):
        self.finds("docs/a.md", "Title\n\n" + LONG, "3: 26 words in one sentence")
        self.finds("docs/a.md", "| a | b |\n|---|---|\n| " + LONG + " | x |", "3: 26 words")
        self.finds("docs/a.md", LONG.replace("word word", "`word word word`", 1))
        self.finds("docs/a.md", "```\n" + LONG + "\n```\n")

    def test_wide_lines_of_pages_have_one_sentence(self):
        self.finds("docs/a.md", WIDE, "1: 84 columns and more than one sentence")
        self.finds("docs/a.md", "* " + WIDE, "1: 86 columns")
        self.finds("docs/a.md", WIDE.replace(". And", "\nAnd"))
        self.finds("docs/a.md", "This is one sentence that is longer than the others but still has one full stop at its end.")

    def test_figures_are_not_typed(self):
        self.finds("docs/a.md", "It takes 12.5 ns.", "1: the figure '12.5 ns'; write <!-- measured")
        self.finds("docs/a.md", "It takes <!-- measured a.b.value -->12.5<!-- end --> ns.")
        self.finds("base/a.c", "/* It takes\n * 12 us. */", "1: the figure '12 us' in a comment")
        self.finds("base/a.c", "#define LATE_MS 5u /* 5 ms */")

    def test_the_changelog_may_name_what_was(self):
        self.finds("CHANGELOG.md", "`augs_planner` is gone.")
        self.finds("docs/a.md", "A planner.", "'planner'")


if __name__ == "__main__":
    unittest.main()
