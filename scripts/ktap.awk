# SPDX-License-Identifier: GPL-2.0
#
# Read what run_tests.sh prints, print what the failed tests said, and count
# single tests into the file totals= names: passed, failed, skipped. What is run in our
# VMs is run where it can be, and finds the tools that it takes: to skip a program as a
# whole, or a test for there is "no" such thing, is a failure. But the servers that
# programs.sh runs need not be there.

# A test said what came since the result before it.
function failure()
{
	if (!bad++)
		print program
	print text $0
}

# A program that fails without a failed test, or says less than it promised, is
# itself a test that failed. One that has no tests is a test.
function end(fails)
{
	done = ok + bad + skip
	if (!bad && (fails || done < plan || (!done && /# SKIP/)))
		failure()
	else if (!done)
		ok = 1
	passed += ok
	failed += bad
	skipped += skip
	programs++
	program = ""
}

/^1\.\.[0-9]+/		{ promised = substr($1, 4) + 0 }

/^# selftests: /	{
	program = $0
	text = ""
	ok = bad = skip = plan = 0
	next
}

!program		{ next }
/^ok /			{ end(0); next }
/^not ok /		{ end(1); next }
/^# 1\.\.[0-9]+/	{ plan = substr($2, 4) + 0 }
/# SKIP +no [a-zA-Z]/ && !/--programs/ { failure(); text = ""; next }
/^# ok .*# SKIP/	{ skip++; text = ""; next }
/^# ok /		{ ok++; text = ""; next }
/^# not ok /		{ failure(); text = ""; next }
			{ text = text $0 "\n" }

END {
	$0 = "not ok: it did not end"
	if (program)
		end(1)
	$0 = "not ok: " programs + 0 " of " promised + 0 " programs were run"
	if (!programs || programs < promised) {
		print
		failed++
	}
	print passed + 0, failed + 0, skipped + 0 > totals
}
