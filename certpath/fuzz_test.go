package certpath_test

import (
	"archive/tar"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/internal/der"
	"github.com/assaytls/assay/internal/lab/corpora"
	"github.com/assaytls/assay/internal/lab/corpora/judge"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/peers"
)

// FuzzBuild takes certificates one after the other, the leaf first and the
// anchor last: no panic, bounded work, and what ours accepts crypto/x509
// accepts too, but for the listed reasons.
func FuzzBuild(f *testing.F) {
	root := forge.NewRoot("Root", nil)
	ca := root.Intermediate("CA", nil, forge.NameConstraints([][]byte{forge.DNS("example.com")}, nil), forge.Policies("1.2.3"))
	leaf := ca.Server("www.example.com", nil, forge.Policies("1.2.3"))
	add := func(ders ...[]byte) {
		var b []byte
		for _, d := range ders {
			b = append(b, d...)
		}
		f.Add(b)
	}
	add(leaf.Raw, ca.Raw, root.Raw)
	add(leaf.Raw)
	if dir := os.Getenv("ASSAY_CORPORA"); dir != "" {
		for name, load := range map[string]func(string) ([]corpora.Chain, error){"pkits": corpora.PKITS,
			"boringssl-pki": corpora.BoringChains, "openssl": corpora.OpenSSLChains} {
			cases, _ := load(filepath.Join(dir, name))
			for i := range cases {
				if c := &cases[i]; i%5 == 0 && len(c.Anchors) > 0 {
					add(append(append([][]byte{c.Leaf}, c.Pool...), c.Anchors[0].Raw)...)
				}
			}
		}
	}
	at := time.Now()
	f.Fuzz(func(t *testing.T, data []byte) {
		var ders [][]byte
		for r := der.NewReader(data, 0); !r.Empty() && len(ders) < 40; {
			e, err := r.Next()
			if err != nil {
				ders = append(ders, r.Rest())
				break
			}
			ders = append(ders, e.Raw)
		}
		if len(ders) == 0 {
			ders = [][]byte{data}
		}
		last := len(ders) - 1
		c := corpora.Chain{Leaf: ders[0], Anchors: []corpora.Anchor{{Raw: ders[last]}}, Time: at, Purpose: "any", Level: -1, Depth: -1}
		if last > 0 {
			c.Pool = ders[1:last]
		}
		if first := cert.Parse(ders[0]); !first.NotAfter.IsZero() && first.NotAfter.Before(at) {
			c.Time = first.NotAfter
		}
		start := time.Now()
		r, err := judge.Ours(&c)
		if d := time.Since(start); d > 2*time.Second {
			t.Fatalf("took %v", d)
		}
		if err != nil || !judge.Accepts(r) {
			certpath.Validate(context.Background(), parse(ders...), certpath.Options{Time: at, ExplicitPolicy: true, Strict: true})
			return
		}
		if len(r.Paths[0].Certs) == 1 {
			return // the leaf is the anchor: its version and signature are not judged
		}
		if theirs := judge.X509(&c); theirs != nil {
			for _, x := range x509Stricter {
				if strings.Contains(theirs.Error(), x.message) {
					return
				}
			}
			t.Fatalf("ours accepts, crypto/x509: %v", theirs)
		}
	})
}

// FuzzNames wants no panic, and that what matches is what it seems.
func FuzzNames(f *testing.F) {
	for _, s := range []string{"example.com", "*.example.com", "a@b.c", "[::1]", "1.2.3.4", "bücher.example", "xn--bcher-kva.example", "a\x00b", "."} {
		f.Add(s, s)
		f.Add("www.example.com", s)
	}
	f.Fuzz(func(t *testing.T, reference, presented string) {
		id, err := certpath.ParseIdentifier(reference)
		if err != nil {
			return
		}
		if again, err := certpath.ParseIdentifier(id.Value); err != nil || again != id {
			t.Fatalf("%q is not its own identifier: %v %v", id.Value, again, err)
		}
		leaf := &cert.Certificate{HasSAN: true, SAN: []cert.GeneralName{{Type: cert.DNSName, Value: presented}, {Type: cert.EmailName, Value: presented}}}
		if len(certpath.MatchNames(leaf, []certpath.Identifier{id}, false)) > 0 {
			return
		}
		if strings.EqualFold(presented, id.Value) {
			return
		}
		_, rest, _ := strings.Cut(id.Value, ".")
		if id.Type != cert.DNSName || !strings.EqualFold(presented, "*."+rest) || !strings.Contains(rest, ".") {
			t.Fatalf("%q matches %q", presented, id.Value)
		}
	})
}

// TestFuzzSeeds judges every input of other projects' fuzzing corpora: no
// panic, bounded work.
func TestFuzzSeeds(t *testing.T) {
	dir := corpora.Dir(t, "fuzz-seeds")
	root := forge.NewRoot("Root", nil)
	set := anchors(t, root.Raw)
	files, err := filepath.Glob(filepath.Join(dir, "*.tar.xz"))
	if err != nil || len(files) == 0 {
		t.Fatal("no archives", err)
	}
	n := 0
	for _, file := range files {
		xz := exec.Command(peers.Path(t, "xz"), "-dc", file)
		out, err := xz.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := xz.Start(); err != nil {
			t.Fatal(err)
		}
		for r := tar.NewReader(out); ; {
			if _, err := r.Next(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			n++
			start := time.Now()
			c := cert.Parse(b)
			certpath.Build(context.Background(), c, []*cert.Certificate{c}, set, options("www.example.com"))
			set.Add(b)
			certpath.Validate(context.Background(), []*cert.Certificate{c, c}, options(""))
			if d := time.Since(start); d > time.Second {
				t.Errorf("%s: took %v", file, d)
			}
		}
		if err := xz.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d inputs", n)
}
