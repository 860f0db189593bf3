package filters_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/crlite"
	"github.com/assaytls/assay/internal/filters"
	"github.com/assaytls/assay/internal/lab/forge"
)

var now = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// publisher plays Mozilla's Remote Settings on loopback, with a root of its own.
type publisher struct {
	*httptest.Server
	root   [32]byte
	chain  []byte // PEM
	key    *ecdsa.PrivateKey
	files  map[string][]byte
	hits   map[string]int
	at     uint64 // of the collections
	list   []map[string]any
	onecrl []map[string]any
	// mangle, when not nil, changes what is served.
	mangle func(path string, b []byte) []byte
}

// signers makes a chain of code signers; name is the leaf's.
func signers(t *testing.T, name string, usage x509.ExtKeyUsage, until time.Time) (chain []byte, root [32]byte, key *ecdsa.PrivateKey) {
	t.Helper()
	var parent *x509.Certificate
	var parentKey *ecdsa.PrivateKey
	var blocks [][]byte
	for i, cn := range []string{"root-test", "intermediate-test", name} {
		k, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c := &x509.Certificate{SerialNumber: big.NewInt(int64(i + 1)), Subject: pkix.Name{CommonName: cn}, NotBefore: now.Add(-time.Hour), NotAfter: until,
			BasicConstraintsValid: true, IsCA: i < 2, ExtKeyUsage: []x509.ExtKeyUsage{usage}, KeyUsage: x509.KeyUsageDigitalSignature}
		if c.IsCA {
			c.KeyUsage |= x509.KeyUsageCertSign
		} else {
			c.DNSNames = []string{name}
		}
		if parent == nil {
			parent, parentKey = c, k
		}
		der, err := x509.CreateCertificate(rand.Reader, c, parent, &k.PublicKey, parentKey)
		if err != nil {
			t.Fatal(err)
		}
		if parent, err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			root = sha256.Sum256(der)
		}
		parentKey, key = k, k
		blocks = append([][]byte{pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}, blocks...)
	}
	for _, b := range blocks {
		chain = append(chain, b...)
	}
	return chain, root, key
}

func publish(t *testing.T) *publisher {
	p := &publisher{files: map[string][]byte{}, hits: map[string]int{}, at: uint64(now.UnixMilli())}
	p.chain, p.root, p.key = signers(t, "onecrl.content-signature.mozilla.org", x509.ExtKeyUsageCodeSigning, now.Add(24*time.Hour))
	p.Server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.Close)
	p.onecrl = []map[string]any{{"id": "r1", "issuerName": "MAA=", "serialNumber": "AQ==", "enabled": true}}
	p.add(t, "20261125-0-default.filter", "", 0)
	p.add(t, "20261126-0-default.filter.delta", "20261125-0-default.filter", 1)
	p.add(t, "20261127-0-default.filter.delta", "20261126-0-default.filter.delta", 2)
	return p
}

// add publishes a filter in which the n-th certificate is revoked.
func (p *publisher) add(t *testing.T, name, parent string, n int) {
	t.Helper()
	i := forge.ClubcardIssuer{Issued: [][]byte{{1}, {2}, {3}, {4}, {5}}}
	i.Revoked = i.Issued[n : n+1]
	b, err := forge.Clubcard{Version: 3, Logs: []forge.ClubcardLog{{Last: 1 << 42}}, Issuers: []forge.ClubcardIssuer{i}, Seed: uint64(n)}.Make()
	if err != nil {
		t.Fatal(err)
	}
	p.files["/files/"+name] = b
	sum := sha256.Sum256(b)
	made, _ := time.Parse("20060102", name[:8])
	p.list = append(p.list, map[string]any{"id": name, "parent": parent, "incremental": parent != "", "channel": "default", "effectiveTimestamp": made.UnixMilli(),
		"details": map[string]any{"name": name}, "attachment": map[string]any{"hash": fmt.Sprintf("%x", sum), "size": len(b), "filename": name, "location": "files/" + name}})
}

func (p *publisher) serve(w http.ResponseWriter, r *http.Request) {
	p.hits[r.URL.Path]++
	var b []byte
	switch r.URL.Path {
	case "/v1/":
		b = fmt.Appendf(nil, `{"capabilities":{"attachments":{"base_url":%q}}}`, p.URL+"/")
	case "/chain":
		b = p.chain
	case "/v1/buckets/security-state/collections/cert-revocations/changeset":
		b = p.changeset(p.list)
	case "/v1/buckets/security-state/collections/onecrl/changeset":
		b = p.changeset(p.onecrl)
	case "/mirror/manifest.json":
		b = p.manifest()
	default:
		b = p.files[strings.Replace(r.URL.Path, "/mirror/", "/files/", 1)]
	}
	if p.mangle != nil {
		b = p.mangle(r.URL.Path, b)
	}
	if b == nil {
		http.NotFound(w, r)
		return
	}
	w.Write(b)
}

func (p *publisher) manifest() []byte {
	var files []map[string]any
	for _, r := range p.list {
		a := r["attachment"].(map[string]any)
		files = append(files, map[string]any{"filename": a["filename"], "size": a["size"], "hash": a["hash"]})
	}
	b, _ := json.Marshal(map[string]any{"generated_at": p.at / 1000, "files": files})
	return b
}

// changeset signs records. The signature is over what another reader of the
// rules would make of them: Go's JSON of sorted maps, which has the same form for
// what is in these records.
func (p *publisher) changeset(records []map[string]any) []byte {
	sorted := append([]map[string]any{}, records...)
	slices.SortFunc(sorted, func(a, b map[string]any) int { return strings.Compare(a["id"].(string), b["id"].(string)) })
	signed, _ := json.Marshal(map[string]any{"data": sorted, "last_modified": fmt.Sprint(p.at)})
	sum := sha512.Sum384(append([]byte("Content-Signature:\x00"), signed...))
	r, s, _ := ecdsa.Sign(rand.Reader, p.key, sum[:])
	raw := append(r.FillBytes(make([]byte, 48)), s.FillBytes(make([]byte, 48))...)
	b, _ := json.Marshal(map[string]any{"timestamp": p.at, "changes": records, "metadata": map[string]any{"signatures": []map[string]any{
		{"mode": "p384ecdsa", "x5u": p.URL + "/chain", "signature": base64.RawURLEncoding.EncodeToString(raw)}}}})
	return b
}

func get(ctx context.Context, url string, limit int64) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode != http.StatusOK:
		return nil, errors.New(resp.Status)
	case int64(len(b)) > limit:
		return nil, errors.New("too large")
	}
	return b, nil
}

func (p *publisher) update(t *testing.T, dir, source string) (*filters.Info, bool, error) {
	t.Helper()
	s, err := filters.ParseSource(source, p.root)
	if err != nil {
		t.Fatal(err)
	}
	return filters.Update{Dir: dir, Source: s, Get: get, Now: now}.Run(context.Background())
}

// answers says what the stored set says of the certificates 1 to 5.
func answers(t *testing.T, dir string) string {
	t.Helper()
	set, _, err := filters.Open(dir)
	if errors.Is(err, filters.ErrNone) {
		return "none"
	}
	if err != nil {
		t.Fatal(err)
	}
	var out string
	for n := byte(1); n <= 5; n++ {
		out += set.Ask(&crlite.Subject{Serial: []byte{n}, SCTs: []crlite.SCT{{}}}, now).Answer.String()[:1]
	}
	if _, _, ok := set.OneCRL.Lookup([]byte{0x30, 0}, []byte{1}, nil, [32]byte{}); ok {
		out += "+onecrl"
	}
	return out
}

func TestUpdate(t *testing.T) {
	p, dir := publish(t), filepath.Join(t.TempDir(), "filters")
	info, fresh, err := p.update(t, dir, p.URL+"/v1")
	if err != nil || !fresh || info.Authentic != filters.BySignature || len(info.Filters) != 3 {
		t.Fatalf("%+v, %v, %v", info, fresh, err)
	}
	if got := answers(t, dir); got != "rrrgg+onecrl" {
		t.Errorf("the set says %s", got)
	}
	if _, fresh, err := p.update(t, dir, p.URL+"/v1"); err != nil || fresh {
		t.Errorf("the second time: %v, %v", fresh, err)
	}
	p.add(t, "20261128-0-default.filter.delta", "20261127-0-default.filter.delta", 3)
	p.at++
	if _, fresh, err := p.update(t, dir, p.URL+"/v1"); err != nil || !fresh {
		t.Errorf("with a delta more: %v, %v", fresh, err)
	}
	if got := answers(t, dir); got != "rrrrg+onecrl" {
		t.Errorf("with a delta more the set says %s", got)
	}
	for name, n := range p.hits {
		if strings.HasPrefix(name, "/files/") && n != 1 {
			t.Errorf("%s was downloaded %d times", name, n)
		}
	}
	st, err := os.Stat(dir)
	if err != nil || st.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
		t.Errorf("the directory is open to others: %v, %v", st.Mode(), err)
	}
}

// TestUpdateRefuses: whatever the publisher, or somebody on the way, does wrong,
// the set that is stored stays as it is.
func TestUpdateRefuses(t *testing.T) {
	inPath := func(part string, f func([]byte) []byte) func(string, []byte) []byte {
		return func(path string, b []byte) []byte {
			if strings.Contains(path, part) {
				return f(b)
			}
			return b
		}
	}
	replace := func(part, old, with string) func(*publisher) {
		return func(p *publisher) {
			p.mangle = inPath(part, func(b []byte) []byte { return []byte(strings.Replace(string(b), old, with, 1)) })
		}
	}
	rewrite := func(name string, usage x509.ExtKeyUsage, until time.Time, pinned bool) func(*publisher) {
		return func(p *publisher) {
			var root [32]byte
			p.chain, root, p.key = signers(t, name, usage, until)
			if pinned {
				p.root = root
			}
		}
	}
	const signer = "onecrl.content-signature.mozilla.org"
	later := now.Add(time.Hour)
	for name, c := range map[string]struct {
		change func(*publisher)
		want   error
	}{
		"a record is changed": {replace("cert-revocations", `"compat"`, `"x"`), nil}, // nothing is
		"a hash is changed":   {replace("cert-revocations/", `"hash":"`, `"hash":"00`), filters.ErrNotAuthentic},
		"a record is removed": {func(p *publisher) {
			full := p.changeset(p.list)
			p.mangle = inPath("cert-revocations/", func([]byte) []byte { return dropRecord(t, full) })
		}, filters.ErrNotAuthentic},
		"another timestamp":   {replace("cert-revocations/", `"timestamp":`, `"timestamp":1`), filters.ErrNotAuthentic},
		"OneCRL is changed":   {replace("onecrl/", `"AQ=="`, `"Ag=="`), filters.ErrNotAuthentic},
		"another root":        {rewrite(signer, x509.ExtKeyUsageCodeSigning, later, false), filters.ErrNotAuthentic},
		"another name":        {rewrite("other.example", x509.ExtKeyUsageCodeSigning, later, true), filters.ErrNotAuthentic},
		"not for code":        {rewrite(signer, x509.ExtKeyUsageServerAuth, later, true), filters.ErrNotAuthentic},
		"an expired signer":   {rewrite(signer, x509.ExtKeyUsageCodeSigning, now.Add(-time.Minute), true), filters.ErrNotAuthentic},
		"no signer":           {func(p *publisher) { p.chain = []byte("none") }, filters.ErrNotAuthentic},
		"an older collection": {func(p *publisher) { p.at -= 1000 }, filters.ErrNotAuthentic},
		"a missing parent":    {func(p *publisher) { p.list = append(p.list[:1], p.list[2:]...) }, crlite.ErrIncomplete},
		"two children":        {func(p *publisher) { p.add(t, "20261127-1-default.filter.delta", "20261126-0-default.filter.delta", 4) }, crlite.ErrIncomplete},
		"a filter is another": {func(p *publisher) {
			p.mangle = inPath("/files/20261128", func([]byte) []byte { return p.files["/files/20261127-0-default.filter.delta"] })
		}, filters.ErrNotAuthentic},
		"a filter is cut": {func(p *publisher) {
			p.mangle = inPath("/files/20261128", func(b []byte) []byte { return b[:len(b)-1] })
		}, filters.ErrNotAuthentic},
		"a filter is 10 MB of zeros": {func(p *publisher) {
			p.mangle = inPath("/files/20261128", func([]byte) []byte { return make([]byte, 10<<20) })
		}, filters.ErrUnreachable},
		"a filter is missing": {func(p *publisher) { delete(p.files, "/files/20261128-0-default.filter.delta") }, filters.ErrUnreachable},
		"the collection is garbage": {func(p *publisher) {
			p.mangle = inPath("cert-revocations", func([]byte) []byte { return make([]byte, 10<<20) })
		}, filters.ErrNotAuthentic},
		"the collection is too large": {func(p *publisher) {
			p.mangle = inPath("cert-revocations", func([]byte) []byte { return make([]byte, 40<<20) })
		}, filters.ErrUnreachable},
		"the collection is missing": {func(p *publisher) { p.mangle = inPath("cert-revocations", func([]byte) []byte { return nil }) }, filters.ErrUnreachable},
	} {
		p, dir := publish(t), t.TempDir()
		if _, _, err := p.update(t, dir, p.URL+"/v1"); err != nil {
			t.Fatal(err)
		}
		p.add(t, "20261128-0-default.filter.delta", "20261127-0-default.filter.delta", 3)
		p.at++
		c.change(p)
		_, _, err := p.update(t, dir, p.URL+"/v1")
		want := "rrrgg+onecrl"
		if c.want == nil {
			want = "rrrrg+onecrl"
		}
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if got := answers(t, dir); got != want {
			t.Errorf("%s: the stored set says %s, want %s", name, got, want)
		}
	}
}

// dropRecord removes the last record from a signed changeset.
func dropRecord(t *testing.T, b []byte) []byte {
	t.Helper()
	var c map[string]any
	if err := json.Unmarshal(b, &c); err != nil {
		t.Fatal(err)
	}
	changes := c["changes"].([]any)
	c["changes"] = changes[:len(changes)-1]
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestResume: a set that was half downloaded is never used, and what was
// downloaded is not asked for again.
func TestResume(t *testing.T) {
	p, dir := publish(t), t.TempDir()
	last := p.files["/files/20261127-0-default.filter.delta"]
	delete(p.files, "/files/20261127-0-default.filter.delta")
	if _, _, err := p.update(t, dir, p.URL+"/v1"); !errors.Is(err, filters.ErrUnreachable) {
		t.Fatal(err)
	}
	if got := answers(t, dir); got != "none" {
		t.Errorf("half a set says %s", got)
	}
	p.files["/files/20261127-0-default.filter.delta"] = last
	if _, _, err := p.update(t, dir, p.URL+"/v1"); err != nil {
		t.Fatal(err)
	}
	if got, n := answers(t, dir), p.hits["/files/20261125-0-default.filter"]; got != "rrrgg+onecrl" || n != 1 {
		t.Errorf("%s after %d downloads of the full filter", got, n)
	}
}

// TestMirror: the manifest of upki's mirror, and a directory. Neither replaces a
// newer signed set.
func TestMirror(t *testing.T) {
	p, dir := publish(t), t.TempDir()
	info, _, err := p.update(t, dir, p.URL+"/mirror/manifest.json")
	if err != nil || info.Authentic != filters.ByTLS || info.Filters[2].Made != time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC) {
		t.Fatalf("%+v, %v", info, err)
	}
	if got := answers(t, dir); got != "rrrgg" {
		t.Errorf("the mirror's set says %s", got)
	}
	if _, _, err := p.update(t, dir, p.URL+"/v1"); err != nil {
		t.Fatal(err)
	}
	p.list = p.list[:2]
	if _, _, err := p.update(t, dir, p.URL+"/mirror/manifest.json"); !errors.Is(err, filters.ErrNotAuthentic) {
		t.Errorf("an older set of a mirror replaces a signed one: %v", err)
	}
	if got := answers(t, dir); got != "rrrgg+onecrl" {
		t.Errorf("the set says %s", got)
	}

	files, from := t.TempDir(), t.TempDir()
	for name, b := range p.files {
		write(t, filepath.Join(from, filepath.Base(name)), b)
	}
	write(t, filepath.Join(from, "README"), []byte("some other file"))
	write(t, filepath.Join(from, "onecrl.json"), []byte(`{"data":[{"id":"r1","issuerName":"MAA=","serialNumber":"AQ=="}]}`))
	if info, _, err := p.update(t, files, from); err != nil || info.Authentic != filters.ByDirectory {
		t.Fatalf("%+v, %v", info, err)
	}
	if got := answers(t, files); got != "rrrgg+onecrl" {
		t.Errorf("the directory's set says %s", got)
	}
	if _, _, err := p.update(t, t.TempDir(), t.TempDir()); err == nil {
		t.Error("an empty directory is a source")
	}
	for name, m := range map[string]string{"no JSON": "<html>", "no files": `{"files":[]}`, "a path": `{"files":[{"filename":"../x","size":1,"hash":"` + strings.Repeat("00", 32) + `"}]}`,
		"one name twice": `{"files":[{"filename":"x","size":1,"hash":"` + strings.Repeat("00", 32) + `"},{"filename":"x","size":1,"hash":"` + strings.Repeat("00", 32) + `"}]}`} {
		p.mangle = func(string, []byte) []byte { return []byte(m) }
		if _, _, err := p.update(t, t.TempDir(), p.URL+"/mirror/manifest.json"); !errors.Is(err, filters.ErrNotAuthentic) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDamaged: what somebody did to the directory is an error, not another answer.
func TestDamaged(t *testing.T) {
	p := publish(t)
	for name, damage := range map[string]func(dir string){
		"a filter is cut": func(dir string) {
			files, _ := filepath.Glob(filepath.Join(dir, "*.filter"))
			os.Truncate(files[0], 10)
		},
		"a filter is gone": func(dir string) {
			files, _ := filepath.Glob(filepath.Join(dir, "*.filter"))
			os.Remove(files[0])
		},
		"the list is no JSON": func(dir string) { write(t, filepath.Join(dir, "set.json"), []byte("{")) },
		"the list names a path": func(dir string) {
			write(t, filepath.Join(dir, "set.json"), []byte(`{"version":1,"filters":[{"name":"x","sha256":"../../etc/passwd","size":1}]}`))
		},
	} {
		dir := t.TempDir()
		if _, _, err := p.update(t, dir, p.URL+"/v1"); err != nil {
			t.Fatal(err)
		}
		damage(dir)
		if _, _, err := filters.Open(dir); err == nil || errors.Is(err, filters.ErrNone) {
			t.Errorf("%s: %v", name, err)
		}
		if _, _, err := p.update(t, dir, p.URL+"/v1"); err != nil {
			t.Errorf("%s: an update does not mend it: %v", name, err)
		}
		if got := answers(t, dir); got != "rrrgg+onecrl" {
			t.Errorf("%s: mended, the set says %s", name, got)
		}
	}
}

// TestOwn: what a server says leads to public addresses, unless it is itself there.
func TestOwn(t *testing.T) {
	for _, c := range []struct {
		source, address string
		own             bool
	}{
		{"https://host.example/v1", "https://host.example/v1/buckets", true},
		{"https://host.example/v1", "http://host.example:8080/chain", true},
		{"https://host.example/v1", "http://127.0.0.1/chain", false},
		{"https://host.example/v1", "http://host.example.other/chain", false},
		{"https://host.example/v1", "http://host.example@10.0.0.1/", false},
		{"https://host.example/a/manifest.json", "https://host.example/a/f", true},
		{"mozilla", "http://169.254.169.254/", false},
		{"mozilla", "", false},
		{"https://host.example/v1", "::", false},
	} {
		s, err := filters.ParseSource(c.source, [32]byte{})
		if err != nil {
			t.Fatal(err)
		}
		if s.Own(c.address) != c.own {
			t.Errorf("%s says %s: own %v, want %v", c.source, c.address, !c.own, c.own)
		}
	}
	if s, err := filters.ParseSource(t.TempDir(), [32]byte{}); err != nil || s.Own("/") || s.Own("") {
		t.Errorf("a directory has addresses of its own: %v", err)
	}
}

func TestSources(t *testing.T) {
	for _, s := range []string{"mozilla", "upki", "https://host.example/v1", "https://host.example/a/manifest.json", t.TempDir()} {
		if _, err := filters.ParseSource(s, [32]byte{}); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
	for _, s := range []string{"", "firefox", "ftp://host/v1", "https://user@host/v1", "https://host/v1?x", "https:///v1", "/nonexistent"} {
		if _, err := filters.ParseSource(s, [32]byte{}); err == nil {
			t.Errorf("%q is a source", s)
		}
	}
}

func write(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
