package kernel

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// Years for which a zone's changes are written out; what comes later follows
// the rule at the file's end.
const (
	zoneFirstYear = 1970
	zoneLastYear  = 2037 // the last that 32-bit times reach in full
)

// zoneChange is a moment at which a zone's offset or name changes.
type zoneChange struct {
	at     int64 // seconds since 1970
	name   string
	offset int // seconds east of Greenwich
	dst    bool
}

// zoneFile writes a zone in the form of /etc/localtime: TZif, version 2 (RFC
// 8536), with a rule in POSIX's form at the end.
func zoneFile(loc *time.Location) []byte {
	start := time.Date(zoneFirstYear, 1, 1, 0, 0, 0, 0, time.UTC).In(loc)
	end := time.Date(zoneLastYear+1, 1, 1, 0, 0, 0, 0, time.UTC)
	state := func(t time.Time) zoneChange {
		name, offset := t.Zone()
		return zoneChange{at: t.Unix(), name: zoneName(name, offset), offset: offset, dst: t.IsDST()}
	}
	first := state(start)
	var changes []zoneChange
	for t := start; ; {
		_, next := t.ZoneBounds()
		if next.IsZero() || !next.Before(end) || len(changes) > 4*(zoneLastYear-zoneFirstYear) {
			break
		}
		changes = append(changes, state(next))
		t = next
	}
	var b []byte
	for _, wide := range []bool{false, true} {
		b = zoneBlock(b, first, changes, wide)
	}
	return append(b, "\n"+zoneRule(first, changes)+"\n"...)
}

// zoneName is the name in a file: letters, or the offset.
func zoneName(name string, offset int) string {
	letters := len(name) >= 3 && len(name) <= 6
	for _, c := range name {
		letters = letters && (c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z')
	}
	if letters {
		return name
	}
	sign := '+'
	if offset < 0 {
		sign, offset = '-', -offset
	}
	if m := offset / 60 % 60; m != 0 {
		return fmt.Sprintf("%c%02d%02d", sign, offset/3600, m)
	}
	return fmt.Sprintf("%c%02d", sign, offset/3600)
}

// zoneBlock appends a header and its data, with times of 8 bytes if wide.
func zoneBlock(b []byte, first zoneChange, changes []zoneChange, wide bool) []byte {
	type kind struct {
		name   string
		offset int
		dst    bool
	}
	var kinds []kind
	number := func(c zoneChange) byte {
		k := kind{c.name, c.offset, c.dst}
		for i := range kinds {
			if kinds[i] == k {
				return byte(i)
			}
		}
		kinds = append(kinds, k)
		return byte(len(kinds) - 1)
	}
	number(first)
	var times, index []byte
	for _, c := range changes {
		if wide {
			times = binary.BigEndian.AppendUint64(times, uint64(c.at))
		} else {
			times = binary.BigEndian.AppendUint32(times, uint32(c.at))
		}
		index = append(index, number(c))
	}
	var types []byte
	names := ""
	for _, k := range kinds {
		at := strings.Index(names, k.name+"\x00")
		if at < 0 {
			at = len(names)
			names += k.name + "\x00"
		}
		types = binary.BigEndian.AppendUint32(types, uint32(int32(k.offset)))
		dst := byte(0)
		if k.dst {
			dst = 1
		}
		types = append(types, dst, byte(at))
	}
	b = append(b, "TZif2"...)
	b = append(b, make([]byte, 15)...)
	for _, n := range []int{0, 0, 0, len(changes), len(kinds), len(names)} {
		b = binary.BigEndian.AppendUint32(b, uint32(n))
	}
	b = append(append(append(b, times...), index...), types...)
	return append(b, names...)
}

// zoneRule writes what holds after the last change in POSIX's form, as in
// "CET-1CEST,M3.5.0,M10.5.0/3". Without a rule that the last years follow it is
// the last state alone.
func zoneRule(first zoneChange, changes []zoneChange) string {
	last := first
	if len(changes) > 0 {
		last = changes[len(changes)-1]
	}
	fixed := quoteZone(last.name) + posixOffset(last.offset)
	const years = 10
	if len(changes) < 2*years+1 {
		return fixed
	}
	tail := changes[len(changes)-2*years:]
	if y := time.Unix(tail[len(tail)-1].at, 0).UTC().Year(); y < zoneLastYear-1 {
		return fixed
	}
	var summer, winter zoneChange
	var on, off yearRule
	for i, c := range tail {
		before := changes[len(changes)-2*years-1+i]
		r := &off
		if c.dst {
			r, summer = &on, c
		} else {
			winter = c
		}
		if c.dst == before.dst || !r.add(time.Unix(c.at+int64(before.offset), 0).UTC()) {
			return fixed
		}
	}
	rule := quoteZone(winter.name) + posixOffset(winter.offset) + quoteZone(summer.name)
	if summer.offset != winter.offset+3600 {
		rule += posixOffset(summer.offset)
	}
	return rule + "," + on.String() + "," + off.String()
}

// yearRule is a weekday of a month's week, found from dates of several years.
type yearRule struct {
	some    bool
	month   time.Month
	weekday time.Weekday
	second  int // of the day
	// weeks has bit n if the nth of the month fits all dates; 5 is the last.
	weeks uint8
}

// add tells whether the date follows the same rule as those before.
func (r *yearRule) add(t time.Time) bool {
	weeks := uint8(1) << ((t.Day() + 6) / 7)
	if t.AddDate(0, 0, 7).Month() != t.Month() {
		weeks |= 1 << 5
	}
	second := t.Hour()*3600 + t.Minute()*60 + t.Second()
	if !r.some {
		*r = yearRule{true, t.Month(), t.Weekday(), second, weeks}
		return true
	}
	r.weeks &= weeks
	return r.month == t.Month() && r.weekday == t.Weekday() && r.second == second && r.weeks != 0
}

func (r *yearRule) String() string {
	week := 5
	for n := 1; n < 5; n++ {
		if r.weeks>>n&1 != 0 && r.weeks>>5&1 == 0 {
			week = n
		}
	}
	s := fmt.Sprintf("M%d.%d.%d", r.month, week, r.weekday)
	if r.second != 2*3600 {
		s += "/" + clockText(r.second)
	}
	return s
}

// posixOffset writes an offset as POSIX does: west of Greenwich is positive.
func posixOffset(east int) string {
	if east > 0 {
		return "-" + clockText(east)
	}
	return clockText(-east)
}

func clockText(s int) string {
	text := fmt.Sprint(s / 3600)
	if s%3600 != 0 {
		text += fmt.Sprintf(":%02d", s/60%60)
	}
	if s%60 != 0 {
		text += fmt.Sprintf(":%02d", s%60)
	}
	return text
}

// quoteZone puts names that are not letters alone between angle brackets.
func quoteZone(name string) string {
	for _, c := range name {
		if (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return "<" + name + ">"
		}
	}
	return name
}
