package store

import (
	"strings"
	"testing"
	"time"
)

// full is a record with every field set.
func full() record {
	at := time.Date(2026, 11, 28, 12, 0, 0, 123456789, time.UTC)
	return record{Kind: "crl", URL: "http://x.test/\n\"a b\" é", Issuer: "aa", Request: "bb", Body: "cc",
		Stat: stat{1, 1<<64 - 1, -2, 3}, Fetched: at, Came: at.Add(-time.Hour), Expires: time.Time{}.Add(1), Again: at.Add(time.Second), ETag: `"e"`, LastModified: "Sat",
		Failure: "fetch-failed", Detail: "\x00\xff\u2028", Until: at.Add(time.Hour), Wait: time.Minute}
}

func TestRecord(t *testing.T) {
	for _, want := range []record{full(), {}, {Kind: "crl", URL: "u"}} {
		text := string(want.encode())
		var got record
		if !got.decode(text) || got != want {
			t.Errorf("%s\nis read as\n%+v", text, got)
		}
	}
	r := full()
	text := string(r.encode())
	if n := strings.Count(text, "\n"); n != len(recordFields) {
		t.Errorf("%d lines for %d fields", n, len(recordFields))
	}
	for _, bad := range []string{
		"kind", "kind \"crl\"", " \n", "kind \n", "kind crl\n", "size \"1\"\n", "size 1.5\n", "inode -1\n", "fetched yesterday\n", "colour \"red\"\n",
		"kind \"a\"\nkind \"b\"\n", // twice
		"url \"u\"\nkind \"a\"\n",  // out of order
	} {
		if r := (record{}); r.decode(bad) {
			t.Errorf("%q was read as %+v", bad, r)
		}
	}
}

// What is read is what was written, and nothing panics.
func FuzzRecord(f *testing.F) {
	r := full()
	f.Add(string(r.encode()))
	f.Add("kind \"crl\"\nsize 5\n")
	f.Fuzz(func(t *testing.T, text string) {
		var r, again record
		if !r.decode(text) {
			return
		}
		if !again.decode(string(r.encode())) || again != r {
			t.Errorf("%q: %+v, again %+v", text, r, again)
		}
	})
}
