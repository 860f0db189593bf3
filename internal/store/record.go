package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// record is the file of an entry. URL and Request stand in it so that a file
// is only ever believed for the key it was written for.
//
// It is text, a name and a value a line, without the fields that are empty. A
// process that starts to look one thing up reads this in a few microseconds;
// encoding/json takes most of the time of such a process.
type record struct {
	Kind         string
	URL          string
	Issuer       string // SHA-256, hex
	Request      string // SHA-256, hex
	Body         string // SHA-256, hex; "" for a failure
	Stat         stat   // of the body's file when it was known to be right
	Fetched      time.Time
	Came         time.Time
	Expires      time.Time
	Again        time.Time
	ETag         string
	LastModified string

	Failure string
	Detail  string
	Until   time.Time
	Wait    time.Duration
}

// stat is the identity of a file's contents as far as the file system knows.
type stat struct {
	Size  int64
	Inode uint64
	Mtime int64 // nanoseconds since 1970
	Ctime int64
}

// recordField reads and writes one field. get returns "" for an empty one.
type recordField struct {
	name string
	get  func(r *record) string
	set  func(r *record, v string) bool
}

var recordFields = [...]recordField{
	text("kind", func(r *record) *string { return &r.Kind }),
	text("url", func(r *record) *string { return &r.URL }),
	text("issuer", func(r *record) *string { return &r.Issuer }),
	text("request", func(r *record) *string { return &r.Request }),
	text("body", func(r *record) *string { return &r.Body }),
	number("size", func(r *record) *int64 { return &r.Stat.Size }),
	{"inode", func(r *record) string { return nonzero(strconv.FormatUint(r.Stat.Inode, 10)) },
		func(r *record, v string) (ok bool) {
			r.Stat.Inode, ok = parsed(strconv.ParseUint(v, 10, 64))
			return ok
		}},
	number("mtime", func(r *record) *int64 { return &r.Stat.Mtime }),
	number("ctime", func(r *record) *int64 { return &r.Stat.Ctime }),
	moment("fetched", func(r *record) *time.Time { return &r.Fetched }),
	moment("came", func(r *record) *time.Time { return &r.Came }),
	moment("expires", func(r *record) *time.Time { return &r.Expires }),
	moment("again", func(r *record) *time.Time { return &r.Again }),
	text("etag", func(r *record) *string { return &r.ETag }),
	text("last-modified", func(r *record) *string { return &r.LastModified }),
	text("failure", func(r *record) *string { return &r.Failure }),
	text("detail", func(r *record) *string { return &r.Detail }),
	moment("until", func(r *record) *time.Time { return &r.Until }),
	number("wait", func(r *record) *int64 { return (*int64)(&r.Wait) }), // nanoseconds
}

func text(name string, at func(*record) *string) recordField {
	return recordField{name,
		func(r *record) string {
			if *at(r) == "" {
				return ""
			}
			return strconv.Quote(*at(r))
		},
		func(r *record, v string) (ok bool) { *at(r), ok = parsed(strconv.Unquote(v)); return ok }}
}

func number(name string, at func(*record) *int64) recordField {
	return recordField{name, func(r *record) string { return nonzero(strconv.FormatInt(*at(r), 10)) },
		func(r *record, v string) (ok bool) { *at(r), ok = parsed(strconv.ParseInt(v, 10, 64)); return ok }}
}

// moment is a time in UTC.
func moment(name string, at func(*record) *time.Time) recordField {
	return recordField{name,
		func(r *record) string {
			if at(r).IsZero() {
				return ""
			}
			return at(r).UTC().Format(time.RFC3339Nano)
		},
		func(r *record, v string) (ok bool) { *at(r), ok = parsed(time.Parse(time.RFC3339Nano, v)); return ok }}
}

func nonzero(s string) string {
	if s == "0" {
		return ""
	}
	return s
}

func parsed[T any](v T, err error) (T, bool) { return v, err == nil }

func (r *record) encode() []byte {
	var b []byte
	for _, f := range recordFields {
		if v := f.get(r); v != "" {
			b = append(append(append(append(b, f.name...), ' '), v...), '\n')
		}
	}
	return b
}

// decode reads what encode wrote: its fields, in its order.
func (r *record) decode(b string) bool {
	fields := recordFields[:]
	for b != "" {
		line, rest, ok := strings.Cut(b, "\n")
		name, value, ok2 := strings.Cut(line, " ")
		i := slices.IndexFunc(fields, func(f recordField) bool { return f.name == name })
		if !ok || !ok2 || i < 0 || !fields[i].set(r, value) {
			return false
		}
		b, fields = rest, fields[i+1:]
	}
	return true
}

func (k Key) record() record {
	r := record{Kind: k.Kind, URL: k.URL}
	if k.Issuer != ([32]byte{}) {
		r.Issuer = hex.EncodeToString(k.Issuer[:])
	}
	if k.Request != nil {
		sum := sha256.Sum256(k.Request)
		r.Request = hex.EncodeToString(sum[:])
	}
	return r
}

// name is the entry's file for a key; failures have one of their own, so that
// a failed refresh does not displace what is there.
func (r record) name(failure bool) string {
	h := sha256.New()
	var b []byte
	for _, part := range []string{r.Kind, r.URL, r.Issuer, r.Request} {
		b = append(append(strconv.AppendInt(b[:0], int64(len(part)), 10), ':'), part...)
		h.Write(b)
	}
	name := entriesDir + "/" + hex.EncodeToString(h.Sum(nil))
	if failure {
		name += ".failure"
	}
	return name
}

func (r record) sameKey(o record) bool {
	return r.Kind == o.Kind && r.URL == o.URL && r.Issuer == o.Issuer && r.Request == o.Request
}

// readRecord reads an entry's file: the SHA-256 of the record, in hex, a line
// end, the record.
func (s *Store) readRecord(name string) (r record, ok bool) {
	f, info, err := s.open(name)
	if err != nil {
		return r, false
	}
	defer f.Close()
	if info.Size() > maxEntry || info.Size() < 65 {
		return r, false
	}
	b := make([]byte, info.Size())
	if _, err := io.ReadFull(f, b); err != nil || b[64] != '\n' {
		return r, false
	}
	sum := sha256.Sum256(b[65:])
	if hex.EncodeToString(sum[:]) != string(b[:64]) {
		return r, false
	}
	return r, r.decode(string(b[65:]))
}

func (s *Store) writeRecord(name string, r record) error {
	b := r.encode()
	if len(b)+65 > maxEntry {
		return errors.New("the entry is too large")
	}
	s.written.Add(int64(len(b)))
	sum := sha256.Sum256(b)
	return s.write(name, bytes.NewReader(append(append(hex.AppendEncode(nil, sum[:]), '\n'), b...)), false)
}
