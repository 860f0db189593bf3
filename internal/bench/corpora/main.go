// Corpora prints, for each corpus of certificate paths, how many cases come
// out as the corpus expects: for assay, for crypto/x509 and for `openssl
// verify`, on the same cases in the same run. It reads ASSAY_CORPORA (default
// ../shared/corpora) and runs the openssl it finds in the PATH.
//
// Cases whose verdict depends on revocation lists are left out. What an
// interface cannot ask (crypto/x509 has no inputs for explicit policies, for
// instance) counts as it comes out.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/assaytls/assay/internal/lab/corpora"
	"github.com/assaytls/assay/internal/lab/corpora/judge"
)

func main() {
	every := flag.Int("openssl-every", 1, "run openssl on every `n`th case of BetterTLS' name constraints only (it takes 10 ms a case); 0 for no openssl at all")
	list := flag.Bool("list", false, "list the cases of ours that come out differently")
	flag.Parse()
	if err := run(*every, *list); err != nil {
		fmt.Fprintln(os.Stderr, "corpora:", err)
		os.Exit(1)
	}
}

type tally struct{ pass, total int }

func (t *tally) count(ok bool) {
	t.total++
	if ok {
		t.pass++
	}
}

func (t tally) String() string {
	if t.total == 0 {
		return "-"
	}
	return fmt.Sprintf("%d/%d", t.pass, t.total)
}

func run(every int, list bool) error {
	openssl := "no openssl"
	if b, err := exec.Command("openssl", "version").Output(); err == nil && every > 0 {
		openssl = strings.Join(strings.Fields(string(b))[:2], " ")
	} else {
		every = 0
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "corpus\tcases\tassay\tcrypto/x509 %s\t%s\tassay, all cases\n", runtime.Version(), openssl)
	for _, c := range []struct {
		dir  string
		load func(string) ([]corpora.Chain, error)
	}{
		{"pkits", corpora.PKITS}, {"bettertls", corpora.BetterTLS}, {"boringssl-pki", corpora.BoringChains}, {"openssl", corpora.OpenSSLChains},
		{"usable-cert-validation", corpora.UsableChains}, {"real-chains", corpora.RealChains},
	} {
		cases, err := c.load(filepath.Join(corpora.Root(), c.dir))
		if err != nil {
			return err
		}
		cases = slices.DeleteFunc(cases, func(c corpora.Chain) bool { return c.NeedsCRL })
		for len(cases) > 0 {
			name := cases[0].Corpus
			n := 0
			for n < len(cases) && cases[n].Corpus == name {
				n++
			}
			if err := row(w, name, cases[:n], every, list); err != nil {
				return err
			}
			cases = cases[n:]
		}
	}
	return w.Flush()
}

func row(w *tabwriter.Writer, name string, cases []corpora.Chain, every int, list bool) error {
	var ours, theirs, peers tally
	start := time.Now()
	for i := range cases {
		r, err := judge.Ours(&cases[i])
		ok := (err == nil && judge.Accepts(r)) == cases[i].OK
		ours.count(ok)
		if !ok && list {
			fmt.Fprintf(os.Stderr, "%s %s: expected accepted %v\n", name, cases[i].Name, cases[i].OK)
		}
	}
	took := time.Since(start)
	for i := range cases {
		theirs.count((judge.X509(&cases[i]) == nil) == cases[i].OK)
	}
	if every > 0 {
		step := 1
		if len(cases) > 1000 {
			step = every
		}
		var mu sync.Mutex
		var wg sync.WaitGroup
		next := make(chan int)
		for range runtime.NumCPU() {
			dir, err := os.MkdirTemp("", "corpora")
			if err != nil {
				return err
			}
			defer os.RemoveAll(dir)
			wg.Go(func() {
				for i := range next {
					ok, _ := judge.OpenSSL(&cases[i], dir)
					mu.Lock()
					peers.count(ok == cases[i].OK)
					mu.Unlock()
				}
			})
		}
		for i := 0; i < len(cases); i += step {
			next <- i
		}
		close(next)
		wg.Wait()
	}
	fmt.Fprintf(w, "%s\t%d\t%v\t%v\t%v\t%.1f s\n", name, len(cases), ours, theirs, peers, took.Seconds())
	return nil
}
