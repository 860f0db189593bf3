package assay

import (
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

// What is remembered ends when a revocation is learnt, whoever learns it.
func TestMemo(t *testing.T) {
	now := time.Now()
	v := &Verifier{memo: newVerdictMemo()}
	entry := memoEntry{report: &report.Report{}, until: now.Add(time.Hour), renewal: now.Add(time.Minute)}
	key := [32]byte{1}
	v.memo.put(key, entry)
	if r, until, due := v.memo.get(key, now); r == nil || !until.Equal(entry.until) || due {
		t.Errorf("got %v, %v, %v", r, until, due)
	}
	if r, _, _ := v.memo.get(key, entry.until); r != nil {
		t.Error("remembered beyond its end")
	}
	if _, _, due := v.memo.get(key, entry.renewal); !due {
		t.Error("renewal is not due")
	}
	if _, _, due := v.memo.get(key, entry.renewal.Add(time.Second)); due {
		t.Error("renewal is due twice")
	}
	v.learn(&report.Report{Paths: []report.Path{{Certs: []report.PathCert{{Revocation: &report.Revocation{Status: report.Revoked}}}}}})
	if r, _, _ := v.memo.get(key, now); r != nil {
		t.Error("remembered beyond a revocation")
	}
	for i := range memoMax + 10 {
		v.memo.put([32]byte{2, byte(i), byte(i >> 8)}, entry)
	}
	if n := len(v.memo.entries); n > memoMax {
		t.Errorf("%d entries", n)
	}
}

// Answers bound how long a judgement holds.
func TestHolds(t *testing.T) {
	now := time.Now()
	at := func(min int) time.Time { return now.Add(time.Duration(min) * time.Minute) }
	r := &report.Report{Certs: []report.Cert{{NotAfter: at(50)}}, Paths: []report.Path{{Certs: []report.PathCert{{Revocation: &report.Revocation{
		Sources: []report.Answer{{Scheme: "crl", Status: report.Good, ThisUpdate: at(-10), NextUpdate: at(40)}}}}}}}}
	for _, c := range []struct {
		maxAge time.Duration
		want   time.Time
	}{{0, at(40)}, {30 * time.Minute, at(20)}} {
		if until, renewal := holds(r, now, c.maxAge); !until.Equal(c.want) || !renewal.Equal(at(15)) {
			t.Errorf("max age %v: until %v, renewal %v", c.maxAge, until.Sub(now), renewal.Sub(now))
		}
	}
	r.Paths[0].Certs[0].Revocation = nil
	if until, _ := holds(r, now, 0); !until.Equal(at(50)) {
		t.Errorf("until %v, want notAfter", until.Sub(now))
	}
	r.Certs[0].NotAfter = at(500)
	if until, _ := holds(r, now, 0); !until.Equal(at(60)) {
		t.Errorf("until %v, want an hour", until.Sub(now))
	}
	if until, _ := holds(&report.Report{Chosen: -1}, now, 0); !until.Equal(now) {
		t.Error("a report without a path holds")
	}
}

func TestSessionNames(t *testing.T) {
	for key, want := range map[string]string{"localhost": "localhost", "example.com.": "example.com", "127.0.0.1": "", "127.0.0.1:443": "", "[::1]": "", "::1": "", "[::1]:443": "", "fe80::1%eth0": ""} {
		if got := sniOf(key); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
}

// Verifiers that judge differently remember differently.
func TestJudgementHash(t *testing.T) {
	root, second := forge.NewRoot("One", nil), forge.NewRoot("Two", nil)
	list := func(age time.Duration) []byte {
		return forge.LogList(time.Now().Add(-age), forge.Log{Key: forge.P256(), Description: "L", Operator: "O", URL: "https://l.test/"})
	}
	level := 3
	seen := map[[32]byte]string{}
	for name, c := range map[string]Config{
		"zero":     {},
		"strict":   {Strict: true},
		"level":    {SecurityLevel: &level},
		"RSA":      {MinRSA: 3072},
		"names":    {NoWildcards: true},
		"schemes":  {Schemes: []string{"crl"}},
		"none":     {Schemes: []string{}},
		"leaf":     {LeafOnly: true},
		"unknown":  {Unknown: UnknownDeny},
		"age":      {MaxAge: time.Hour},
		"skew":     {Skew: time.Hour},
		"CT":       {CT: "off"},
		"allow":    {Allow: []finding.ID{finding.MustStapleMissing}},
		"log list": {LogList: list(time.Hour)},
		"another":  {LogList: list(2 * time.Hour)},
		"public":   {PublicRoots: [][]byte{second.Raw}},
		"root":     {Roots: [][]byte{second.Raw}},
	} {
		if c.Roots == nil {
			c.Roots = [][]byte{root.Raw}
		}
		v, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		v.Close()
		if old, ok := seen[v.hash]; ok {
			t.Errorf("%s and %s have one hash", name, old)
		}
		seen[v.hash] = name
	}
}
