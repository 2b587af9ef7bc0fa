# SPDX-License-Identifier: GPL-2.0
#
# Read what run_tests.sh prints, print all that a failed program said, and count
# single tests into the file totals= names: passed, failed, skipped.

function begin(line)
{
	inside = 1
	text = line
	ok = bad = skip = 0
	plan = 0
}

# A program that says less than it promised has failed, one without tests of its
# own is one test.
function end(line)
{
	if (line ~ /^not ok/ && !bad)
		bad = 1
	else if (line ~ /# SKIP/ && !(ok + bad + skip))
		skip = 1
	else if (!plan && !(ok + bad + skip))
		ok = 1
	if (ok + bad + skip < plan && !bad)
		bad = 1
	if (bad)
		print text "\n" line
	passed += ok
	failed += bad
	skipped += skip
	programs++
	inside = 0
}

/^1\.\.[0-9]+/	{ promised = substr($1, 4) + 0 }
/^# selftests: /	{ begin($0); next }
!inside		{ next }
/^(not )?ok /	{ end($0); next }
		{ text = text "\n" $0 }
/^# 1\.\.[0-9]+/	{ plan = substr($2, 4) + 0 }
/^# not ok /	{ bad++ }
/^# ok .*# SKIP/	{ skip++; next }
/^# ok /	{ ok++ }

END {
	if (inside)
		end("not ok: it did not end")
	if (!promised || programs < promised) {
		print "not ok: " programs + 0 " of " promised + 0 " programs were run"
		failed++
	}
	print passed + 0, failed + 0, skipped + 0 > totals
}
