package assay

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/learnt"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// What is remembered ends, and says when it is due.
func TestMemo(t *testing.T) {
	now := time.Now()
	v := &Verifier{core: &core{memo: newVerdictMemo()}}
	entry := memoEntry{report: &report.Report{}, until: now.Add(time.Hour), renewal: now.Add(time.Minute)}
	key := [32]byte{1}
	v.memo.put(key, entry)
	if got, due := v.memo.get(key, now); got.report == nil || !got.until.Equal(entry.until) || due {
		t.Errorf("got %v, %v", got, due)
	}
	if got, _ := v.memo.get(key, entry.until); got.report != nil {
		t.Error("remembered beyond its end")
	}
	if _, due := v.memo.get(key, entry.renewal); !due {
		t.Error("renewal is not due")
	}
	if _, due := v.memo.get(key, entry.renewal.Add(time.Second)); due {
		t.Error("renewal is due twice")
	}
	for i := range memoMax + 10 {
		v.memo.put([32]byte{2, byte(i), byte(i >> 8)}, entry)
	}
	if n := v.memo.entries.Len(); n > memoMax {
		t.Errorf("%d entries", n)
	}
}

// Answers bound how long a judgement holds.
func TestHolds(t *testing.T) {
	now := time.Now()
	at := func(min int) time.Time { return now.Add(time.Duration(min) * time.Minute) }
	r := &report.Report{Certs: []report.Cert{{NotAfter: at(50)}}, Paths: []report.Path{{Certs: []report.PathCert{{Revocation: &report.Revocation{
		Sources: []report.Answer{{Scheme: policy.CRL, Status: report.Good, ThisUpdate: at(-10), NextUpdate: at(40)}}}}}}}}
	for _, c := range []struct {
		maxAge time.Duration
		want   time.Time
	}{{0, at(40)}, {30 * time.Minute, at(20)}} {
		if until, renewal := holds(r, now, policy.Policy{MaxAge: c.maxAge}); !until.Equal(c.want) || !renewal.Equal(at(15)) {
			t.Errorf("max age %v: until %v, renewal %v", c.maxAge, until.Sub(now), renewal.Sub(now))
		}
	}
	r.Paths[0].Certs[0].Revocation = nil
	r.Programs = []report.Program{{Program: policy.ProgramMicrosoft, Until: at(5)}}
	if until, _ := holds(r, now, policy.Policy{Trust: policy.ProgramMicrosoft}); !until.Equal(at(5)) {
		t.Errorf("until %v, and the program that decides ends its trust at %v", until, at(5))
	}
	if until, _ := holds(r, now, policy.Policy{}); until.Equal(at(5)) {
		t.Error("a program that does not decide ends an acceptance")
	}
	if until, _ := holds(r, now, policy.Policy{ExpiresWithin: policy.Margin{Left: 20 * time.Minute}}); !until.Equal(at(30)) {
		t.Errorf("until %v, want 20 minutes before notAfter", until.Sub(now))
	}
	if until, _ := holds(r, now, policy.Policy{}); !until.Equal(at(50)) {
		t.Errorf("until %v, want notAfter", until.Sub(now))
	}
	r.Certs[0].NotAfter = at(500)
	if until, _ := holds(r, now, policy.Policy{}); !until.Equal(at(60)) {
		t.Errorf("until %v, want an hour", until.Sub(now))
	}
	if until, _ := holds(&report.Report{Chosen: -1}, now, policy.Policy{}); !until.Equal(now) {
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
	seen := map[[32]byte]string{}
	for name, c := range map[string]Config{
		"zero":     {},
		"strict":   {Strict: true},
		"level":    {SecurityLevel: policy.Level3},
		"RSA":      {MinRSA: 3072},
		"names":    {NoWildcards: true},
		"schemes":  {Schemes: policy.Only(policy.CRL)},
		"none":     {Schemes: policy.Off},
		"leaf":     {Depth: policy.DepthLeaf},
		"unknown":  {Unknown: UnknownDeny},
		"age":      {MaxAge: time.Hour},
		"skew":     {Skew: time.Hour},
		"CT":       {CT: policy.CTOff},
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
	for name, c := range map[string]Config{
		"budget":  {FetchBudget: time.Minute},
		"network": {Network: Offline},
		"private": {PrivateFetch: true},
		"grace":   {CloseGrace: time.Second},
	} {
		c.Roots = [][]byte{root.Raw}
		v, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		v.Close()
		if seen[v.hash] != "zero" {
			t.Errorf("%s is no rule, and judgements are remembered by it", name)
		}
	}
}

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
	path, revoked := learnt.Path{Anchor: evidence.Hash{1}, Certs: []learnt.ID{{2}, {3}}}, learnt.Path{Anchor: evidence.Hash{4}, Certs: []learnt.ID{{5}}}
	stands := func(p learnt.Path) bool { return !p.Equal(revoked) }
	s := newSessionCache(tls.NewLRUClientSessionCache(4), [32]byte{1}, stands)
	other := newSessionCache(tls.NewLRUClientSessionCache(4), [32]byte{2}, stands)
	until := func(t time.Time, paths ...learnt.Path) tenure { return tenure{t, append(paths, path)} }
	stamp := s.stamp(until(now.Add(time.Hour)))
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
		"first one ended": {s, [][]byte{s.stamp(until(now)), stamp}, now, false},
		"two paths":       {s, [][]byte{s.stamp(until(now.Add(time.Hour), path))}, now, true},
		"one is revoked":  {s, [][]byte{s.stamp(until(now.Add(time.Hour), revoked))}, now, false},
		"no path":         {s, [][]byte{s.stamp(tenure{until: now.Add(time.Hour)})}, now, false},
	} {
		if got := c.cache.valid(c.extra, c.now); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if got := withoutStamp([][]byte{stamp, []byte("x"), other.stamp(until(now))}); len(got) != 1 || string(got[0]) != "x" {
		t.Errorf("%q", got)
	}
	early, late := now.Add(time.Minute), now.Add(time.Hour)
	s.judged("a.test", late, path)
	s.judged("a.test", early, path)
	s.judged("a.test", late, revoked)
	if got := s.lastJudged("a.test."); !got.until.Equal(early) || len(got.paths) != 2 {
		t.Errorf("judged until %v", got)
	}
	for n := range 2 * maxSessionPaths {
		s.judged("a.test", late, learnt.Path{Anchor: evidence.Hash{9, byte(n)}})
		if got := s.lastJudged("a.test"); len(got.paths) > maxSessionPaths || got.until.IsZero() != (got.paths == nil) {
			t.Errorf("%d paths until %v", len(got.paths), got.until)
		}
	}
	s.judged("a.test", time.Time{}, path)
	if got := s.lastJudged("a.test"); !got.until.IsZero() {
		t.Errorf("after a refusal: %v", got)
	}
	for i := range maxSessionNames + 10 {
		s.judged(string(rune(i+0x4e00)), late, path)
	}
	if s.names.Len() > maxSessionNames {
		t.Errorf("%d names remembered", s.names.Len())
	}
}

// An error is what refused, and whatever its text names: not the warnings beside
// it, and of an inconclusive report what could not be decided.
func TestErrorIsWhatRefused(t *testing.T) {
	of := func(severities map[finding.ID]finding.Severity) *Error {
		r := &report.Report{Version: report.Version, Chosen: -1}
		for _, id := range []finding.ID{finding.CertExpired, finding.CRLStale, finding.OCSPStale, finding.CertRevoked} {
			if s, ok := severities[id]; ok {
				r.Findings = append(r.Findings, finding.New(id).Graded(s, "test"))
			}
		}
		report.Decide(r)
		return &Error{Report: r}
	}
	for _, c := range []struct {
		name    string
		found   map[finding.ID]finding.Severity
		is, not []error
	}{
		{"an error", map[finding.ID]finding.Severity{finding.CertExpired: finding.Error, finding.CRLStale: finding.Inconclusive, finding.OCSPStale: finding.Warning},
			[]error{finding.CertExpired, finding.ClassPath}, []error{finding.CRLStale, finding.OCSPStale, finding.ClassRevocation}},
		{"two errors", map[finding.ID]finding.Severity{finding.CertExpired: finding.Error, finding.CertRevoked: finding.Error},
			[]error{finding.CertExpired, finding.CertRevoked}, nil},
		{"inconclusive", map[finding.ID]finding.Severity{finding.CRLStale: finding.Inconclusive, finding.OCSPStale: finding.Inconclusive, finding.CertExpired: finding.Warning},
			[]error{finding.CRLStale, finding.OCSPStale}, []error{finding.CertExpired, finding.CertRevoked}},
		{"a check that was not done", map[finding.ID]finding.Severity{finding.CertExpired: finding.Warning, finding.CRLStale: finding.Info},
			[]error{finding.CertExpired}, []error{finding.CRLStale}},
	} {
		e := of(c.found)
		for _, want := range c.is {
			if !e.Is(want) {
				t.Errorf("%s: %v is not %v", c.name, e, want)
			}
		}
		for _, other := range c.not {
			if e.Is(other) {
				t.Errorf("%s: %v is %v", c.name, e, other)
			}
		}
		if h := e.Report.Headline; h == nil || !e.Is(h.Finding.ID) || !e.Is(h.Finding.Kind().Class) {
			t.Errorf("%s: %v is not its headline", c.name, e)
		}
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

// Background refreshes are bounded, made once for a leaf, and not begun after
// Close.
func TestRefreshIsBounded(t *testing.T) {
	v, err := New(Config{Roots: nil, Network: Background})
	if err != nil {
		t.Fatal(err)
	}
	ev := &evidence.Evidence{Version: evidence.Version}
	refresh := func(leaf byte) int {
		v.refreshInBackground(ev, &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{{Raw: []byte{leaf}}}}}, dialled{}, &v.policy)
		return v.Refreshes()
	}
	v.mu.Lock()
	for i := range maxRefreshes {
		v.refreshes.begin([32]byte{byte(i), 1}, nil)
	}
	v.mu.Unlock()
	if n := refresh(1); n != maxRefreshes {
		t.Errorf("%d refreshes under way", n)
	}
	v.mu.Lock()
	v.refreshes = refreshes{}
	v.mu.Unlock()
	v.Close()
	if n := refresh(2); n != 0 {
		t.Error("a refresh begun after Close")
	}
}

// Refreshes from one host leave room for those from others.
func TestRefreshesAreFair(t *testing.T) {
	var r refreshes
	begun := 0
	for i := range maxRefreshes {
		if r.begin([32]byte{1, byte(i)}, []string{"stalled.test", "other.test"}) {
			begun++
		}
	}
	if begun != maxRefreshesOfHost {
		t.Errorf("%d refreshes from one host", begun)
	}
	if r.begin([32]byte{2}, []string{"well.test", "stalled.test"}) {
		t.Error("one more waits for the host that is full")
	}
	if !r.begin([32]byte{2}, []string{"well.test"}) || r.begin([32]byte{2}, []string{"well.test"}) {
		t.Error("another host's refresh does not begin, or begins twice")
	}
	r.end([32]byte{2}, []string{"well.test"})
	r.end([32]byte{1}, []string{"stalled.test", "other.test"})
	if r.hosts["well.test"] != 0 || !r.begin([32]byte{3}, []string{"stalled.test"}) {
		t.Error("what has ended is counted")
	}
}

// The hosts to which certificates point, each once.
func TestPointedTo(t *testing.T) {
	leaf := &x509.Certificate{OCSPServer: []string{"http://O.test/x", "::"}, CRLDistributionPoints: []string{"http://c.test:81/1", "http://c.test:81/2", "ldap:///x"}}
	got := pointedTo(&tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{leaf, {CRLDistributionPoints: []string{"http://o.test/r"}}}, {leaf}}})
	if want := []string{"o.test", "c.test:81"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// A session's stamp replaces older ones and leaves what the application keeps.
func TestPutReplacesStamps(t *testing.T) {
	s := httptest.NewUnstartedServer(nil)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	plain := tls.NewLRUClientSessionCache(4)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	c, err := tls.Dial("tcp", s.Listener.Addr().String(), &tls.Config{RootCAs: roots, ServerName: "example.com", MaxVersion: tls.VersionTLS12, ClientSessionCache: plain})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	session, ok := plain.Get("example.com")
	if !ok {
		t.Fatal("no session")
	}
	_, state, err := session.ResumptionState()
	if err != nil {
		t.Fatal(err)
	}
	cache := newSessionCache(tls.NewLRUClientSessionCache(4), [32]byte{1}, func(learnt.Path) bool { return true })
	state.Extra = [][]byte{cache.stamp(tenure{time.Now(), []learnt.Path{{}}}), []byte("mine")}
	cache.Put("example.com", session)
	if _, ok := cache.Get("example.com"); ok {
		t.Error("a session without a judgement was kept")
	}
	cache.judged("example.com", time.Now().Add(time.Hour), learnt.Path{})
	cache.Put("example.com", session)
	got, ok := cache.Get("example.com")
	if !ok {
		t.Fatal("the session was not kept")
	}
	if _, state, _ = got.ResumptionState(); len(state.Extra) != 2 || string(state.Extra[0]) != "mine" {
		t.Errorf("%q", state.Extra)
	}
	cache.Put("example.com", nil)
	if _, ok := cache.Get("example.com"); ok {
		t.Error("a session that was dropped is there")
	}
}
