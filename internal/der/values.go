package der

import (
	"strconv"
	"time"
)

// IntegerMinimal reports whether the contents of an INTEGER are non-empty and
// in the shortest form.
func IntegerMinimal(body []byte) bool {
	if len(body) == 0 {
		return false
	}
	if len(body) == 1 {
		return true
	}
	return !(body[0] == 0 && body[1]&0x80 == 0 || body[0] == 0xff && body[1]&0x80 != 0)
}

// SmallInt decodes an INTEGER's contents that fit an int32; ok is false otherwise.
func SmallInt(body []byte) (v int, ok bool) {
	if len(body) == 0 || len(body) > 4 {
		return 0, false
	}
	v = int(int8(body[0]))
	for _, c := range body[1:] {
		v = v<<8 | int(c)
	}
	return v, true
}

// TimeFlaw says how a time breaks RFC 5280, 4.1.2.5.
type TimeFlaw string

// EarlyGeneralizedTime is the flaw of a time that DER allows but RFC 5280
// wants as a UTCTime.
const EarlyGeneralizedTime TimeFlaw = "GeneralizedTime before 2050"

// FractionalSeconds is the flaw of a time that is otherwise as RFC 5280 wants
// it. What is read has whole seconds.
const FractionalSeconds TimeFlaw = "fractional seconds"

// ParseTime decodes the contents of a UTCTime or GeneralizedTime. A time that
// is readable but not in RFC 5280's form (no seconds, an offset, fractions,
// GeneralizedTime before 2050) is returned with flaw set; ok is false when no
// time can be read at all. Results are in UTC. Years of UTCTime are 1950-2049.
func ParseTime(tag Tag, body []byte) (t time.Time, flaw TimeFlaw, ok bool) {
	s := string(body)
	year, n := 0, 0
	switch tag {
	case UTCTime:
		n = 2
	case GeneralizedTime:
		n = 4
	default:
		return time.Time{}, "not a time", false
	}
	if len(s) < n || !digits(s[:n]) {
		return time.Time{}, "not a time", false
	}
	year, _ = strconv.Atoi(s[:n])
	if n == 2 {
		if year >= 50 {
			year += 1900
		} else {
			year += 2000
		}
	}
	s = s[n:]
	var f [5]int // month, day, hour, minute, second
	i := 0
	for ; i < 5 && len(s) >= 2 && digits(s[:2]); i++ {
		f[i], _ = strconv.Atoi(s[:2])
		s = s[2:]
	}
	if i < 4 && !(tag == GeneralizedTime && i == 3) {
		return time.Time{}, "not a time", false
	}
	if i < 5 {
		flaw = "no seconds"
	}
	if len(s) > 1 && (s[0] == '.' || s[0] == ',') {
		j := 1
		for j < len(s) && s[j] >= '0' && s[j] <= '9' {
			j++
		}
		switch {
		case flaw != "":
		case j == 1:
			flaw = "a decimal point without digits"
		default:
			flaw = FractionalSeconds
		}
		s = s[j:]
	}
	offset := 0
	switch {
	case s == "Z":
	case s == "":
		flaw = "no time zone"
	case len(s) == 5 && (s[0] == '+' || s[0] == '-') && digits(s[1:]):
		h, _ := strconv.Atoi(s[1:3])
		m, _ := strconv.Atoi(s[3:])
		if h > 23 || m > 59 {
			return time.Time{}, "bad offset", false
		}
		offset = h*3600 + m*60
		if s[0] == '-' {
			offset = -offset
		}
		flaw = "offset instead of Z"
	default:
		return time.Time{}, "not a time", false
	}
	t = time.Date(year, time.Month(f[0]), f[1], f[2], f[3], f[4], 0, time.UTC)
	if t.Year() != year || int(t.Month()) != f[0] || t.Day() != f[1] || t.Hour() != f[2] || t.Minute() != f[3] || t.Second() != f[4] {
		return time.Time{}, "no such date", false
	}
	if tag == GeneralizedTime && year < 2050 && flaw == "" {
		flaw = EarlyGeneralizedTime
	}
	t = t.Add(-time.Duration(offset) * time.Second)
	if t.Year() < 0 || t.Year() > 9999 { // by the offset: no report could write it
		return time.Time{}, "no such date", false
	}
	return t, flaw, true
}

func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
