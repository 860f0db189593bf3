package ct

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

// fakeLog is an RFC 6962 log over a memoryTree.
type fakeLog struct {
	key    *forge.Key
	log    *Log
	tree   memoryTree
	leaves [][32]byte
}

func newFakeLog(t testing.TB, kind string) *fakeLog {
	t.Helper()
	f := &fakeLog{key: forge.NewKey(kind)}
	l, err := ParseLogList(forge.LogList(time.Now(), forge.Log{Key: f.key, Description: "fake", Operator: "op", URL: "http://log.test"}))
	if err != nil {
		t.Fatal(err)
	}
	f.log = l.order[0]
	for n := range int64(100) {
		f.add(t, [32]byte{byte(n), 1})
	}
	return f
}

func (f *fakeLog) add(t testing.TB, leaf [32]byte) {
	f.tree.add(t, int64(len(f.leaves)), leaf)
	f.leaves = append(f.leaves, leaf)
}

func (f *fakeLog) sth(t testing.TB, at time.Time, mutate func(map[string]any)) []byte {
	size := uint64(len(f.leaves))
	var root [32]byte
	if size > 0 {
		root = f.tree.root(t, int64(size))
	}
	var b cryptobyte.Builder
	b.AddUint16(1)
	b.AddUint64(uint64(at.UnixMilli()))
	b.AddUint64(size)
	b.AddBytes(root[:])
	alg, code := forge.ECDSAWithSHA256, byte(3)
	if strings.HasPrefix(f.key.Kind, "RSA") {
		alg, code = forge.SHA256WithRSA, 1
	}
	sig := f.key.Sign(alg, b.BytesOrPanic())
	out := map[string]any{"tree_size": size, "timestamp": at.UnixMilli(), "sha256_root_hash": root[:],
		"tree_head_signature": append([]byte{4, code, byte(len(sig) >> 8), byte(len(sig))}, sig...)}
	if mutate != nil {
		mutate(out)
	}
	j, _ := json.Marshal(out)
	return j
}

func (f *fakeLog) proof(t testing.TB, leaf [32]byte, size int64) (int, []byte) {
	i := slices.Index(f.leaves, leaf)
	if i < 0 {
		return 404, []byte("not found")
	}
	p, err := tlog.ProveRecord(size, int64(i), &f.tree)
	if err != nil {
		t.Fatal(err)
	}
	var path [][]byte
	for _, h := range p {
		path = append(path, h[:])
	}
	j, _ := json.Marshal(map[string]any{"leaf_index": i, "audit_path": path})
	return 200, j
}

func TestAuditRFC6962(t *testing.T) {
	for _, kind := range []string{"P-256", "RSA-2048"} {
		t.Run(kind, func(t *testing.T) { auditRFC6962(t, kind) })
	}
}

func auditRFC6962(t *testing.T, kind string) {
	f := newFakeLog(t, kind)
	now := time.Now()
	entry, err := x509Entry([]byte("a certificate"))
	if err != nil {
		t.Fatal(err)
	}
	day := 24 * time.Hour
	old := &SCT{Timestamp: uint64(now.Add(-3 * day).UnixMilli())}
	fresh := &SCT{Timestamp: uint64(now.Add(-time.Hour).UnixMilli())}
	leaf := leafHash(entry, old)
	f.add(t, leaf)
	f.add(t, [32]byte{77})
	sthAt := now.Add(-time.Minute)
	var mutateSTH func(map[string]any)
	var mutateProof func(int, []byte) (int, []byte)
	get := func(u string) (int, []byte) {
		if strings.HasSuffix(u, "/ct/v1/get-sth") {
			if sthAt.IsZero() {
				return 500, nil
			}
			return 200, f.sth(t, sthAt, mutateSTH)
		}
		_, q, _ := strings.Cut(u, "?hash=")
		hash, size, _ := strings.Cut(q, "&tree_size=")
		raw, err := base64.StdEncoding.DecodeString(strings.NewReplacer("%2B", "+", "%2F", "/", "%3D", "=").Replace(hash))
		if err != nil || len(raw) != 32 {
			t.Fatalf("bad hash in %s", u)
		}
		n, err := strconv.ParseInt(size, 10, 64)
		if err != nil {
			t.Fatalf("bad size in %s", u)
		}
		status, body := f.proof(t, [32]byte(raw), n)
		if mutateProof != nil {
			return mutateProof(status, body)
		}
		return status, body
	}
	check := func(name string, s *SCT, h [32]byte, want report.Inclusion) {
		t.Helper()
		a := oneTask(f.log, s, h, now)
		run(a, get)
		if got := outcome(a); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	check("included", old, leaf, report.Included)
	missing := leafHash([]byte("0123456789ab another"), old)
	check("denied after the merge delay", old, missing, "unavailable ct-absence-unproven")
	check("absent before it", fresh, missing, "pending ct-audit-pending")
	mutateProof = func(status int, b []byte) (int, []byte) {
		return status, []byte(strings.Replace(string(b), `"leaf_index":100`, `"leaf_index":99`, 1))
	}
	check("wrong index", old, leaf, "unavailable ct-audit-bad-answer")
	mutateProof = func(int, []byte) (int, []byte) { return 200, []byte(`{"leaf_index":0,"audit_path":["AAAA"]}`) }
	check("short hash in the proof", old, leaf, "unavailable ct-audit-bad-answer")
	mutateProof = func(int, []byte) (int, []byte) { return 400, []byte("bad request") }
	check("400 that does not say not found", old, leaf, "unavailable ct-audit-unavailable")
	mutateProof = func(int, []byte) (int, []byte) { return 400, []byte("leaf hash Not Found") }
	check("400 that says not found", old, missing, "unavailable ct-absence-unproven")
	mutateProof = func(int, []byte) (int, []byte) { return 0, nil }
	check("no answer", old, leaf, "unavailable ct-audit-unavailable")
	mutateProof = nil
	for field, v := range map[string]any{"tree_size": 101, "timestamp": now.UnixMilli() + 1, "sha256_root_hash": make([]byte, 32),
		"tree_head_signature": []byte{4, 3, 0, 1, 1}} {
		mutateSTH = func(m map[string]any) { m[field] = v }
		check("other "+field, old, leaf, "unavailable ct-audit-bad-answer")
	}
	mutateSTH = nil
	sthAt = now.Add(time.Minute)
	check("head of a clock that is ahead", old, leaf, report.Included)
	sthAt = now.Add(6 * time.Minute)
	check("head from the future", old, leaf, "unavailable ct-audit-bad-answer")
	check("absent by a head from the future", fresh, missing, "unavailable ct-audit-bad-answer")
	sthAt = now.Add(-50 * time.Hour)
	check("old head, included", old, leaf, "included ct-log-behind")
	sthAt = now.Add(-4 * day)
	check("head older than the promise's end", old, missing, "unavailable ct-log-behind ct-audit-unavailable")
	sthAt = time.Time{}
	check("no head", old, leaf, "unavailable ct-audit-unavailable")
	sthAt = now
	f.leaves = nil
	check("empty log", old, leaf, "absent ct-not-included")
	a := oneTask(f.log, old, leaf, now)
	if got := outcome(a); got != "unavailable ct-audit-unavailable" {
		t.Errorf("nothing provided: %s", got)
	}
}

// Tree heads that a log did sign, but that make no sense.
func TestTreeHeadLimits(t *testing.T) {
	key := forge.P256()
	list, err := ParseLogList(forge.LogList(time.Now(), forge.Log{Key: key, Operator: "o"}))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		size, ms uint64
		ok       bool
	}{
		{1, 1, true}, {MaxTreeSize, lastMillis, true}, {MaxTreeSize + 1, 1, false}, {1, lastMillis + 1, false}, {1<<64 - 1, 1<<64 - 1, false},
	} {
		var b cryptobyte.Builder
		b.AddUint16(1)
		b.AddUint64(c.ms)
		b.AddUint64(c.size)
		b.AddBytes(make([]byte, 32))
		sig := key.Sign(forge.ECDSAWithSHA256, b.BytesOrPanic())
		signed := append([]byte{4, 3, 0, byte(len(sig))}, sig...)
		if _, err := newTreeHead(list.order[0], c.size, [32]byte{}, c.ms, signed); (err == nil) != c.ok {
			t.Errorf("size %d, time %d: %v", c.size, c.ms, err)
		}
		if _, err := newTreeHead(list.order[0], c.size, [32]byte{}, c.ms, append(signed, 0)); err == nil {
			t.Error("a trailing octet is taken")
		}
	}
}

// A frozen log's last tree head may be old; and no more than 16 SCTs are
// audited.
func TestAuditLimits(t *testing.T) {
	f := newFakeLog(t, "P-256")
	for state, want := range map[State]report.Inclusion{Usable: "included ct-log-behind", ReadOnly: report.Included, Retired: report.Included, Rejected: report.Included} {
		f.log.States = []DatedState{{State: state}}
		s := &SCT{Timestamp: uint64(time.Now().Add(-90 * 24 * time.Hour).UnixMilli())}
		a := oneTask(f.log, s, f.leaves[3], time.Now())
		run(a, func(u string) (int, []byte) {
			if strings.HasSuffix(u, "get-sth") {
				return 200, f.sth(t, time.Now().Add(-40*24*time.Hour), nil)
			}
			return f.proof(t, f.leaves[3], int64(len(f.leaves)))
		})
		if got := outcome(a); got != want {
			t.Errorf("%s: %s, want %s", state, got, want)
		}
	}
	r := Result{scts: make([]checked, 40)}
	for i := range r.scts {
		r.scts[i] = checked{status: report.SCTValid, log: f.log, entry: make([]byte, headLen)}
	}
	a := NewAudit(r, time.Now())
	if len(a.tasks) != 16 {
		t.Errorf("%d audits", len(a.tasks))
	}
	// The rest is told, as one finding and at each SCT.
	limited := 0
	for _, g := range a.Findings() {
		if g.ID == finding.CTAuditLimit && g.Severity == finding.Inconclusive && g.Param("count") == "40" && g.Param("limit") == "16" {
			limited++
		}
	}
	c := report.CT{SCTs: make([]report.SCT, 40)}
	a.Fill(&c)
	if valid, answered := a.Tally(); limited != 1 || valid != 40 || answered != 0 || c.SCTs[39].Inclusion != report.Unavailable || !strings.Contains(c.SCTs[39].Detail, "limit") {
		t.Errorf("%d findings, %d of %d, %+v", limited, answered, valid, c.SCTs[39])
	}
	r.scts = r.scts[:16]
	if fs := NewAudit(r, time.Now()).Findings(); slices.ContainsFunc(fs, func(f finding.Finding) bool { return f.ID == finding.CTAuditLimit }) {
		t.Error("sixteen are too many")
	}
}

// A need that cannot be met says what came instead.
func TestAuditSaysWhatCame(t *testing.T) {
	f := newFakeLog(t, "P-256")
	s := &SCT{Timestamp: uint64(time.Now().Add(-72 * time.Hour).UnixMilli())}
	const head, proof = "get-sth", "get-proof-by-hash"
	for _, c := range []struct {
		at   string // the need that is not met
		fail func(a *Audit, url string)
		want string
	}{
		{head, func(a *Audit, u string) { a.Failed(u, 0, "more than 65536 bytes") }, "no tree head: more than 65536 bytes"},
		{head, func(a *Audit, u string) { a.Failed(u, 302, "10.0.0.1:80 is a private address") }, "no tree head: 10.0.0.1:80 is a private address"},
		{head, func(a *Audit, u string) { a.Provide(u, 200, make([]byte, maxHeadBytes+1)) }, "no tree head: more than 65536 bytes"},
		{head, func(a *Audit, u string) { a.Provide(u, 503, nil) }, "no tree head: HTTP status 503"},
		{head, func(a *Audit, u string) { a.Failed(u, 0, "") }, "no tree head: no answer"},
		{proof, func(a *Audit, u string) { a.Failed(u, 0, "more than 65536 bytes") }, "no proof: more than 65536 bytes"},
		{proof, func(a *Audit, u string) { a.Provide(u, 200, make([]byte, maxProofBytes+1)) }, "no proof: more than 65536 bytes"},
		{proof, func(a *Audit, u string) { a.Failed(u, 404, "HTTP status 404") }, "HTTP status 404"},
	} {
		a := oneTask(f.log, s, f.leaves[3], time.Now())
		for range 4 {
			for _, n := range a.Needs() {
				if strings.Contains(n.URL, c.at) {
					c.fail(a, n.URL)
				} else {
					a.Provide(n.URL, 200, f.sth(t, time.Now(), nil))
				}
			}
		}
		if fs := a.Findings(); len(fs) != 1 || fs[0].Param("detail") != c.want || fs[0].Severity != finding.Inconclusive {
			t.Errorf("%v, want %q", fs, c.want)
		}
	}
}

// CheckSCTs' valid SCTs, and only those, are audited; the needs of one log are
// asked for once.
func TestNewAudit(t *testing.T) {
	f := newFakeLog(t, "P-256")
	list, err := ParseLogList(forge.LogList(time.Now(), forge.Log{Key: f.key, Description: "fake", Operator: "op", URL: "http://log.test/"}))
	if err != nil {
		t.Fatal(err)
	}
	root := forge.NewRoot("root", nil)
	leaf := root.WithSCTs(forge.Cert{Subject: forge.CN("a"), Extensions: []forge.Ext{forge.SAN(forge.DNS("a.test"))}}, func(tbs []byte) [][]byte {
		one := forge.SCT{Time: time.Now().Add(-48 * time.Hour)}
		first := one.SignPrecert(f.key, root.Key, tbs)
		return [][]byte{first, one.SignPrecert(forge.P256(), root.Key, tbs),
			forge.SCT{Time: time.Now().Add(-47 * time.Hour)}.SignPrecert(f.key, root.Key, tbs), first}
	})
	r := CheckSCTs(Input{Path: parsed(leaf.Raw, root.Raw), List: list, Time: time.Now()})
	a := NewAudit(r, time.Now())
	if len(a.tasks) != 2 {
		t.Fatalf("%d audits, want 2: %+v", len(a.tasks), r.CT.SCTs)
	}
	needs := a.Needs()
	if len(needs) != 1 || needs[0].URL != "http://log.test/ct/v1/get-sth" {
		t.Fatalf("%+v", needs)
	}
	f.add(t, a.tasks[0].leaf)
	run(a, func(u string) (int, []byte) {
		if strings.HasSuffix(u, "get-sth") {
			return 200, f.sth(t, time.Now(), nil)
		}
		for _, task := range a.tasks {
			if strings.Contains(u, strings.NewReplacer("+", "%2B", "/", "%2F", "=", "%3D").Replace(base64.StdEncoding.EncodeToString(task.leaf[:]))) {
				return f.proof(t, task.leaf, int64(len(f.leaves)))
			}
		}
		return 500, nil
	})
	a.Fill(&r.CT)
	got := fmt.Sprint(r.CT.SCTs[0].Inclusion, ",", r.CT.SCTs[1].Inclusion, ",", r.CT.SCTs[2].Inclusion)
	if got != "included,,unavailable" {
		t.Errorf("%s", got)
	}
	if fs := a.Findings(); len(fs) != 1 || fs[0].ID != finding.CTAbsenceUnproven {
		t.Errorf("%v", fs)
	}
}
