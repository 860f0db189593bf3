package assay

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// Everything that a judgement rests on tells memo keys apart, also when it
// moves from one field to its neighbour.
func TestMemoKey(t *testing.T) {
	a, b, c := &x509.Certificate{Raw: []byte("a")}, &x509.Certificate{Raw: []byte("b")}, &x509.Certificate{Raw: []byte("c")}
	type input struct {
		hash    [32]byte
		d       dialled
		cs      tls.ConnectionState
		purpose string
	}
	base := func() input {
		return input{[32]byte{1}, dialled{host: "h.test", port: "443"}, tls.ConnectionState{Version: tls.VersionTLS12, CipherSuite: 0xc02f, ServerName: "s.test",
			OCSPResponse: []byte("staple"), SignedCertificateTimestamps: [][]byte{[]byte("one"), []byte("two")},
			PeerCertificates: []*x509.Certificate{a, b}, VerifiedChains: [][]*x509.Certificate{{a, b, c}, {a, c}}}, "server"}
	}
	keys := map[[32]byte]string{}
	for name, change := range map[string]func(*input){
		"base":                   func(*input) {},
		"policy":                 func(i *input) { i.hash[31] = 1 },
		"purpose":                func(i *input) { i.purpose = "client" },
		"version":                func(i *input) { i.cs.Version = tls.VersionTLS13 },
		"suite":                  func(i *input) { i.cs.CipherSuite = 0x9c },
		"server name":            func(i *input) { i.cs.ServerName = "t.test" },
		"no server name":         func(i *input) { i.cs.ServerName = "" },
		"host":                   func(i *input) { i.d.host = "192.0.2.1" },
		"port":                   func(i *input) { i.d.port = "444" },
		"host and port":          func(i *input) { i.d.host, i.d.port = "h.test443", "" },
		"staple":                 func(i *input) { i.cs.OCSPResponse = []byte("stable") },
		"no staple":              func(i *input) { i.cs.OCSPResponse = nil },
		"SCT":                    func(i *input) { i.cs.SignedCertificateTimestamps = [][]byte{[]byte("one"), []byte("twa")} },
		"an SCT less":            func(i *input) { i.cs.SignedCertificateTimestamps = [][]byte{[]byte("onetwo")} },
		"no SCT":                 func(i *input) { i.cs.SignedCertificateTimestamps = nil },
		"leaf":                   func(i *input) { i.cs.PeerCertificates[0] = c },
		"sent certificates":      func(i *input) { i.cs.PeerCertificates = append(i.cs.PeerCertificates, c) },
		"a verified chain less":  func(i *input) { i.cs.VerifiedChains = i.cs.VerifiedChains[:1] },
		"another root":           func(i *input) { i.cs.VerifiedChains[1] = []*x509.Certificate{a, {Raw: []byte("d")}} },
		"another intermediate":   func(i *input) { i.cs.VerifiedChains[0] = []*x509.Certificate{a, a, c} },
		"chains in other order":  func(i *input) { i.cs.VerifiedChains = [][]*x509.Certificate{{a, c}, {a, b, c}} },
		"chains cut differently": func(i *input) { i.cs.VerifiedChains = [][]*x509.Certificate{{a, b, c, a}, {c}} },
	} {
		i := base()
		change(&i)
		k := memoKey(i.hash, i.d, &i.cs, i.purpose)
		if other, dup := keys[k]; dup {
			t.Errorf("%q and %q have one key", name, other)
		}
		keys[k] = name
		if again := memoKey(i.hash, i.d, &i.cs, i.purpose); again != k {
			t.Errorf("%s: two keys", name)
		}
	}
	i := base()
	i.d.peer = &net.TCPAddr{}
	if keys[memoKey(i.hash, i.d, &i.cs, i.purpose)] != "base" {
		t.Error("the peer's address is no part of the judgement")
	}
}

// A session is stamped with the policy and the end of the judgement of its own
// connection: of several to one name the earliest end counts, a refusal ends
// all.
func TestStamps(t *testing.T) {
	now := time.Now()
	s := newSessionCache(tls.NewLRUClientSessionCache(4), [32]byte{1})
	other := newSessionCache(tls.NewLRUClientSessionCache(4), [32]byte{2})
	stamp := s.stamp(now.Add(time.Hour))
	for name, c := range map[string]struct {
		cache *sessionCache
		extra [][]byte
		now   time.Time
		want  bool
	}{
		"own":             {s, [][]byte{stamp}, now, true},
		"beside another":  {s, [][]byte{[]byte("the application's"), stamp}, now, true},
		"other policy":    {other, [][]byte{stamp}, now, false},
		"ended":           {s, [][]byte{stamp}, now.Add(time.Hour), false},
		"none":            {s, nil, now, false},
		"cut":             {s, [][]byte{stamp[:len(stamp)-1]}, now, false},
		"longer":          {s, [][]byte{append(stamp[:len(stamp):len(stamp)], 0)}, now, false},
		"first one ended": {s, [][]byte{s.stamp(now), stamp}, now, false},
	} {
		if got := c.cache.valid(c.extra, c.now); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if got := withoutStamp([][]byte{stamp, []byte("x"), other.stamp(now)}); len(got) != 1 || string(got[0]) != "x" {
		t.Errorf("%q", got)
	}
	early, late := now.Add(time.Minute), now.Add(time.Hour)
	s.judged("a.test", late)
	s.judged("a.test", early)
	s.judged("a.test", late)
	if got := s.lastJudged("a.test."); !got.Equal(early) {
		t.Errorf("judged until %v", got)
	}
	s.judged("a.test", time.Time{})
	if got := s.lastJudged("a.test"); !got.IsZero() {
		t.Errorf("after a refusal: %v", got)
	}
	for i := range maxSessionNames + 10 {
		s.judged(string(rune(i+0x4e00)), late)
	}
	if len(s.until) > maxSessionNames {
		t.Errorf("%d names remembered", len(s.until))
	}
}

// Findings below an error are nothing to ask an error for.
func TestErrorIsErrorsOnly(t *testing.T) {
	e := refusal(finding.Finding{ID: finding.CertExpired, Severity: finding.Warning})
	if e.Is(finding.CertExpired) {
		t.Error("a warning counts")
	}
	e = refusal(finding.New(finding.CertExpired))
	if !e.Is(finding.CertExpired) || e.Is(finding.CertRevoked) {
		t.Error("an error does not count, or another does")
	}
	var none Error
	if none.Is(finding.CertExpired) || none.Error() == "" {
		t.Error("the zero Error")
	}
	none.Report = &report.Report{Chosen: 5}
	if none.Is(finding.CertExpired) {
		t.Error("a chosen path that is not there")
	}
}
