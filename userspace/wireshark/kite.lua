-- SPDX-License-Identifier: GPL-2.0
--
-- Kite's packets, for Wireshark and tshark.
--
-- Takes apart the frames of a kitemon device and of "kite dump -w". It names every
-- field of the header, puts the packets of a connection together as a stream,
-- connects what asks with what answers, and marks resets and what breaks the
-- protocol (Documentation/protocol.rst). Payload goes to whichever dissector the table
-- kite.port has for one of the ports, or is data. Other scripts add to that table, and
-- so does the preference kite.payload:
--
--	tshark -X lua_script:kite.lua -o "kite.payload:7000=http 6379=resp" -i kitemon0
--
-- scripts/documented sees that this has all names of linux/kite.h.

set_plugin_info({
	version = "1",
	description = "Kite sockets",
	repository = "kite",
})

local ETHERTYPE		= 0x88b5
local HEADER		= 32
local VERSION		= 1
local MAX_PAYLOAD	= 65536
local RECORD_OVERHEAD	= 512

local types = {
	[1] = "STREAM",
	[2] = "DGRAM",
	[3] = "RAW",
	[5] = "SEQPACKET",
}
local STREAM, DGRAM, RAW, SEQPACKET = 1, 2, 3, 5

local ops = {
	[1] = "REQUEST",
	[2] = "RESPONSE",
	[3] = "RESET",
	[4] = "DATA",
	[5] = "CREDIT",
	[6] = "SHUTDOWN",
	[7] = "DGRAM",
	[8] = "ECHO",
	[9] = "ECHO_REPLY",
}
local op = {}
for number, name in pairs(ops) do
	op[name] = number
end

local resets = {
	[1] = "REFUSED",
	[2] = "FULL",
	[3] = "ABORT",
	[4] = "PROTOCOL",
	[5] = "TIMEOUT",
	[6] = "NOMEM",
}
local FULL, PROTOCOL, NOMEM = 2, 4, 6

local data_flags = {
	MORE = 0x01,
	EOR = 0x02,
}
local shutdown_flags = {
	RCV = 0x01,
	SEND = 0x02,
}

local kite = Proto("kite", "Kite")

local f = {
	version	= ProtoField.uint8("kite.version", "Version"),
	type	= ProtoField.uint8("kite.type", "Socket type", base.DEC, types),
	op	= ProtoField.uint8("kite.op", "Op", base.DEC, ops),
	flags	= ProtoField.uint8("kite.flags", "Flags", base.HEX),
	more	= ProtoField.bool("kite.flags.more", "The record goes on", 8, nil,
				  data_flags.MORE),
	eor	= ProtoField.bool("kite.flags.eor", "Sent with MSG_EOR", 8, nil,
				  data_flags.EOR),
	rcv	= ProtoField.bool("kite.flags.rcv", "Receives no more", 8, nil,
				  shutdown_flags.RCV),
	send	= ProtoField.bool("kite.flags.send", "Sends no more", 8, nil,
				  shutdown_flags.SEND),
	reason	= ProtoField.uint8("kite.reset", "Reason", base.DEC, resets),
	len	= ProtoField.uint32("kite.len", "Payload length"),
	src_port = ProtoField.uint32("kite.src_port", "Source port"),
	src_node = ProtoField.uint32("kite.src_node", "Source node"),
	dst_port = ProtoField.uint32("kite.dst_port", "Destination port"),
	dst_node = ProtoField.uint32("kite.dst_node", "Destination node"),
	port	= ProtoField.uint32("kite.port", "Source or destination port"),
	node	= ProtoField.uint32("kite.node", "Source or destination node"),
	read	= ProtoField.uint32("kite.read", "Read", base.DEC, nil, nil,
				    "what the sender of this packet has read, in all"),
	limit	= ProtoField.uint32("kite.limit", "Limit", base.DEC, nil, nil,
				    "up to where the receiver of this packet may send"),
	payload	= ProtoField.bytes("kite.payload", "Payload"),
	-- What no header says.
	stream	= ProtoField.uint32("kite.stream", "Stream index"),
	seq	= ProtoField.uint32("kite.seq", "Charge sent before"),
	nxtseq	= ProtoField.uint32("kite.nxtseq", "Charge sent with this"),
	flight	= ProtoField.uint32("kite.flight", "Charge in flight"),
	window	= ProtoField.uint32("kite.window", "Window",  base.DEC, nil, nil,
				    "limit - read: what the receiver of this packet may " ..
				    "have in flight"),
	since	= ProtoField.relative_time("kite.time_relative",
					   "Time since the first packet of this stream"),
	delta	= ProtoField.relative_time("kite.time_delta",
					   "Time since the packet before in this stream"),
	answer	= ProtoField.framenum("kite.response_in", "Answered in", base.NONE,
				      frametype.RESPONSE),
	question = ProtoField.framenum("kite.response_to", "Answers", base.NONE,
				       frametype.REQUEST),
	time	= ProtoField.relative_time("kite.time", "Time to answer"),
}
kite.fields = f

local function mark(name, text, group, severity)
	return ProtoExpert.new("kite." .. name, text, expert.group[group],
			       expert.severity[severity])
end

local e = {
	truncated = mark("truncated", "Shorter than a header", "MALFORMED", "ERROR"),
	version	= mark("bad_version", "Unknown version", "PROTOCOL", "ERROR"),
	type	= mark("bad_type", "Unknown type of socket", "PROTOCOL", "ERROR"),
	op	= mark("bad_op", "Unknown op", "PROTOCOL", "ERROR"),
	mixed	= mark("bad_mix", "This type has no such op", "PROTOCOL", "ERROR"),
	flags	= mark("bad_flags", "This op has no such flags", "PROTOCOL", "ERROR"),
	len	= mark("bad_len", "Length of the payload is wrong", "PROTOCOL", "ERROR"),
	reset	= mark("reset_seen", "Reset", "SEQUENCE", "WARN"),
	broken	= mark("broken", "The peer broke the protocol", "SEQUENCE", "ERROR"),
	beyond	= mark("beyond_credit", "Data far beyond the credit that was shown so far",
		       "SEQUENCE", "WARN"),
	ahead	= mark("ahead_of_credit", "Data beyond the credit that was shown so far",
		       "SEQUENCE", "NOTE"),
	late	= mark("after_shutdown", "Data after SHUTDOWN", "SEQUENCE", "WARN"),
	early	= mark("before_response", "Data before RESPONSE", "SEQUENCE", "WARN"),
	read	= mark("bad_read", "Read goes back, or beyond what was sent",
		       "SEQUENCE", "WARN"),
	limit	= mark("bad_limit", "Limit goes back", "SEQUENCE", "WARN"),
	again	= mark("request_again", "Request sent again", "SEQUENCE", "NOTE"),
}
kite.experts = e

local by_port = DissectorTable.new("kite.port", "Kite port", ftypes.UINT32, base.DEC, kite)
local data = Dissector.get("data")

kite.prefs.payload = Pref.string("Payload", "", "What is inside, by port: 7000=http 6379=resp")

local known = {}

function kite.prefs_changed()
	for port, inside in pairs(known) do
		by_port:remove(port, inside)
	end
	known = {}
	for port, name in kite.prefs.payload:gmatch("(%d+)=([%w._-]+)") do
		local found, inside = pcall(Dissector.get, name)

		if found and inside then
			known[tonumber(port)] = inside
			by_port:add(tonumber(port), inside)
		else
			report_failure("kite.payload: there is no dissector " .. name)
		end
	end
end

-- Counters wrap at 2^32. How far is a beyond b?
local function beyond(a, b)
	local d = (a - b) % 0x100000000

	return d < 0x80000000 and d or d - 0x100000000
end

local function seconds(d)
	local whole = math.floor(d)

	return NSTime.new(whole, math.floor((d - whole) * 1e9 + 0.5))
end

-- ---- The header

local function parse(buf)
	return {
		version	= buf(0, 1):uint(),
		type	= buf(1, 1):uint(),
		op	= buf(2, 1):uint(),
		flags	= buf(3, 1):uint(),
		len	= buf(4, 4):le_uint(),
		src_port = buf(8, 4):le_uint(),
		src_node = buf(12, 4):le_uint(),
		dst_port = buf(16, 4):le_uint(),
		dst_node = buf(20, 4):le_uint(),
		read	= buf(24, 4):le_uint(),
		limit	= buf(28, 4):le_uint(),
		bytes	= buf:reported_len() - HEADER,
	}
end

local function connects(p)
	return p.type == STREAM or p.type == SEQPACKET
end

-- What module/packet.c refuses: the expert that says why, or nil.
local function wrong(p)
	if p.version ~= VERSION then return e.version end
	if not types[p.type] then return e.type end
	if not ops[p.op] then return e.op end
	if p.len ~= p.bytes or p.len > MAX_PAYLOAD then return e.len end

	if p.op == op.ECHO or p.op == op.ECHO_REPLY then
		if p.type ~= RAW then return e.mixed end
		return p.flags ~= 0 and e.flags or nil
	elseif p.op == op.DGRAM then
		if p.type ~= DGRAM then return e.mixed end
		return p.flags ~= 0 and e.flags or nil
	elseif not connects(p) and not (p.op == op.RESET and p.type == DGRAM) then
		return e.mixed
	elseif p.op == op.DATA then
		if p.type == STREAM then
			if p.flags ~= 0 then return e.flags end
			return p.len == 0 and e.len or nil
		end
		if p.flags == data_flags.MORE then
			return p.len ~= MAX_PAYLOAD and e.len or nil
		end
		return bit.band(p.flags, bit.bnot(data_flags.EOR)) ~= 0 and e.flags or nil
	end
	if p.len ~= 0 then return e.len end
	if p.op == op.RESET then
		return p.flags == 0 and e.flags or nil
	elseif p.op == op.SHUTDOWN then
		return (p.flags == 0 or p.flags > 3) and e.flags or nil
	end
	return p.flags ~= 0 and e.flags or nil
end

local function flag_names(p)
	local names = {}

	if p.op == op.RESET then
		return { resets[p.flags] or tostring(p.flags) }
	end
	local known = p.op == op.DATA and data_flags or
		      p.op == op.SHUTDOWN and shutdown_flags or {}
	for name, bits in pairs(known) do
		if bit.band(p.flags, bits) ~= 0 then
			table.insert(names, name)
		end
	end
	table.sort(names)
	return names
end

-- ---- Streams

-- All that is known of the packets before: the streams by their addresses, how many
-- there are, and what was found out of each frame when it was seen first. A frame may
-- be taken apart again at any time and in any order.
local streams, n_streams, frames

function kite.init()
	streams, n_streams, frames = {}, 0, {}
end

local function stream_new(p, time)
	local s = { index = n_streams, first = time, last = time, whole = false }

	s[p.from] = { sent = 0, read = 0, asked = {} }
	if p.to ~= p.from then
		s[p.to] = { sent = 0, read = 0, asked = {} }
	end
	-- Only then it is known what was sent and granted before.
	s.whole = p.op == op.REQUEST
	n_streams = n_streams + 1
	return s
end

-- Of two connections with the same addresses, the second begins with its REQUEST.
local function stream_of(p, time)
	p.from = p.src_node .. ":" .. p.src_port
	p.to = p.dst_node .. ":" .. p.dst_port
	local key = p.type .. " " .. (p.from < p.to and p.from .. " " .. p.to or
				      p.to .. " " .. p.from)
	local s = streams[key]

	if not s or (p.op == op.REQUEST and s.begun) then
		s = stream_new(p, time)
		streams[key] = s
	end
	return s
end

-- A question waits for its answer from the other side.
local function ask(s, p, number, time, said)
	table.insert(s[p.from].asked, { number = number, time = time, said = said })
end

local function answer(s, p, number, time, said, info)
	local asked = s[p.to].asked

	for i, q in ipairs(asked) do
		if q.said == said then
			table.remove(asked, i)
			info.question = q.number
			info.time = time - q.time
			frames[q.number].answer = number
			return
		end
	end
end

local function track_credit(s, p, info)
	local mine, peer = s[p.from], s[p.to]

	if p.op == op.DATA or p.op == op.CREDIT or p.op == op.SHUTDOWN then
		if s.whole and (beyond(p.read, peer.read) < 0 or
				beyond(p.read, peer.sent) > 0) then
			info.read = p.read
		else
			peer.read = p.read
		end
	end
	if s.whole and peer.limit and beyond(p.limit, peer.limit) < 0 then
		info.limit = peer.limit
	else
		peer.limit = p.limit
		peer.window = beyond(p.limit, peer.read)
	end
	info.window = beyond(p.limit, p.read)
end

local function track_data(s, p, info)
	local mine = s[p.from]
	local charge = p.len

	if p.type == SEQPACKET and bit.band(p.flags, data_flags.MORE) == 0 then
		charge = charge + RECORD_OVERHEAD
	end
	info.seq = mine.sent
	mine.sent = (mine.sent + charge) % 0x100000000
	info.nxtseq = mine.sent
	if not s.whole then
		return
	end
	info.flight = beyond(mine.sent, mine.read)
	info.late = mine.shut
	info.early = not s.answered
	-- Between sockets of one kernel credit takes effect before it is shown, and
	-- less than a quarter of the window is not shown at all.
	if mine.limit then
		info.beyond = beyond(mine.sent, mine.limit)
		info.much = info.beyond > mine.window / 4
	end
end

local function track_conn(s, p, number, time, info)
	if p.op == op.REQUEST then
		info.again = s.asked
		s.asked = true
		ask(s, p, number, time)
	elseif p.op == op.RESPONSE or p.op == op.RESET then
		answer(s, p, number, time, nil, info)
		s.answered = s.answered or p.op == op.RESPONSE
	end
	if p.op ~= op.RESET then
		track_credit(s, p, info)
	end
	if p.op == op.DATA then
		track_data(s, p, info)
	elseif p.op == op.SHUTDOWN and bit.band(p.flags, shutdown_flags.SEND) ~= 0 then
		s[p.from].shut = true
	end
	if p.op ~= op.REQUEST and
	   not (p.op == op.RESET and (p.flags == FULL or p.flags == NOMEM)) then
		s.begun = true
	end
end

local function track(p, pinfo, text)
	local time = pinfo.rel_ts
	local s = stream_of(p, time)
	local info = {
		stream	= s.index,
		since	= time - s.first,
		delta	= time - s.last,
	}

	frames[pinfo.number] = info
	s.last = time
	if connects(p) then
		track_conn(s, p, pinfo.number, time, info)
	elseif p.op == op.DGRAM then
		s[p.from].asked = {}
		ask(s, p, pinfo.number, time)
	elseif p.op == op.ECHO then
		ask(s, p, pinfo.number, time, text)
	elseif p.op == op.RESET or p.op == op.ECHO_REPLY then
		answer(s, p, pinfo.number, time, p.op == op.ECHO_REPLY and text or nil, info)
	end
end

-- ---- What is shown

local function show_flags(tree, buf, p)
	local item = tree:add(f.flags, buf(3, 1))
	local names = table.concat(flag_names(p), ", ")

	if names ~= "" then
		item:append_text(" (" .. names .. ")")
	end
	if p.op == op.RESET then
		item:add(f.reason, buf(3, 1))
	elseif p.op == op.DATA and p.type == SEQPACKET then
		item:add(f.more, buf(3, 1))
		item:add(f.eor, buf(3, 1))
	elseif p.op == op.SHUTDOWN then
		item:add(f.rcv, buf(3, 1))
		item:add(f.send, buf(3, 1))
	end
end

local function show_header(tree, buf, p)
	local function both(field, offset)
		tree:add_le(field, buf(offset, 4)):set_hidden(true)
	end

	tree:add(f.version, buf(0, 1))
	tree:add(f.type, buf(1, 1))
	tree:add(f.op, buf(2, 1))
	show_flags(tree, buf, p)
	tree:add_le(f.len, buf(4, 4))
	tree:add_le(f.src_port, buf(8, 4))
	tree:add_le(f.src_node, buf(12, 4))
	tree:add_le(f.dst_port, buf(16, 4))
	tree:add_le(f.dst_node, buf(20, 4))
	tree:add_le(f.read, buf(24, 4))
	tree:add_le(f.limit, buf(28, 4))
	both(f.port, 8)
	both(f.port, 16)
	both(f.node, 12)
	both(f.node, 20)
end

local function show_numbers(tree, p, info)
	local function made(field, value)
		if value then
			tree:add(field, value):set_generated(true)
		end
	end

	made(f.stream, info.stream)
	made(f.since, seconds(info.since))
	made(f.delta, seconds(info.delta))
	made(f.seq, info.seq)
	made(f.nxtseq, info.nxtseq)
	made(f.flight, info.flight and info.flight >= 0 and info.flight or nil)
	made(f.window, info.window and info.window >= 0 and info.window or nil)
	made(f.answer, info.answer)
	made(f.question, info.question)
	made(f.time, info.time and seconds(info.time))
end

local function show_trouble(tree, p, info)
	local function say(which, text, ...)
		tree:add_proto_expert_info(which, string.format(text, ...))
	end

	if p.op == op.RESET then
		local why = resets[p.flags] or tostring(p.flags)

		say(p.flags == PROTOCOL and e.broken or e.reset, "Reset: %s", why)
	end
	if info.beyond and info.beyond > 0 then
		say(info.much and e.beyond or e.ahead,
		     "Data %d beyond the credit that was shown so far", info.beyond)
	end
	if info.late then
		say(e.late, "Data after SHUTDOWN of this direction")
	end
	if info.early then
		say(e.early, "Data before the RESPONSE")
	end
	if info.read then
		say(e.read, "Read goes back, or beyond what was sent")
	end
	if info.limit then
		say(e.limit, "Limit goes back: it was %d", info.limit)
	end
	if info.again then
		say(e.again, "The REQUEST was sent again")
	end
end

local function summary(p, info)
	local names = flag_names(p)
	local text

	table.insert(names, 1, ops[p.op] or "op " .. p.op)
	text = string.format("%d → %d [%s]", p.src_port, p.dst_port,
			     table.concat(names, ", "))
	if info and info.seq then
		text = text .. " Seq=" .. info.seq
	end
	text = text .. " Len=" .. p.len
	if connects(p) and p.op ~= op.RESET then
		text = text .. string.format(" Read=%d Limit=%d", p.read, p.limit)
	end
	return text
end

-- Somebody else's protocol: the lower port is more likely the server's.
local function show_payload(payload, pinfo, root, p)
	if p.op == op.DATA or p.op == op.DGRAM then
		local low = math.min(p.src_port, p.dst_port)
		local high = math.max(p.src_port, p.dst_port)

		for _, port in ipairs({ low, high }) do
			local inside = by_port:get_dissector(port)

			if inside and inside:call(payload, pinfo, root) > 0 then
				return
			end
		end
	end
	data:call(payload, pinfo, root)
end

function kite.dissector(buf, pinfo, root)
	pinfo.cols.protocol = "KITE"
	if buf:captured_len() < HEADER then
		local tree = root:add(kite, buf())

		pinfo.cols.info = "Shorter than a header"
		tree:add_proto_expert_info(e.truncated)
		return buf:captured_len()
	end

	local p = parse(buf)
	local problem = wrong(p)
	local length = math.min(p.bytes, buf:captured_len() - HEADER)
	local text = length > 0 and buf(HEADER, math.min(length, 64)):bytes():tohex() or ""

	if not pinfo.visited and not problem then
		track(p, pinfo, text)
	end
	local info = frames[pinfo.number]

	pinfo.src_port = p.src_port
	pinfo.dst_port = p.dst_port
	pinfo.cols.info = summary(p, info)

	local tree = root:add(kite, buf(0, HEADER), "Kite, " ..
			      (types[p.type] or "type " .. p.type) .. ", " .. summary(p, info))
	show_header(tree, buf, p)
	if problem then
		tree:add_proto_expert_info(problem)
		pinfo.cols.info:append(" [broken]")
	elseif info then
		show_numbers(tree, p, info)
		show_trouble(tree, p, info)
	end
	if length > 0 then
		tree:add(f.payload, buf(HEADER, length))
		show_payload(buf(HEADER, length):tvb(), pinfo, root, p)
	end
	return buf:captured_len()
end

DissectorTable.get("ethertype"):add(ETHERTYPE, kite)
