package ct_test

import (
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/internal/lab/corpora"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

func readFile(t testing.TB, path ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func readJSON(t testing.TB, v any, path ...string) {
	t.Helper()
	if err := json.Unmarshal(readFile(t, path...), v); err != nil {
		t.Fatal(err)
	}
}

func currentList(t testing.TB) *ct.LogList {
	t.Helper()
	l, err := ct.ParseLogList(readFile(t, corpora.Dir(t, "ct"), "log-lists", "gstatic-all_logs_list-89.25.json"))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// realChain is one chain of the corpus real-chains.
type realChain struct {
	URL  string
	At   time.Time
	Path []*cert.Certificate
	SCTs []struct {
		LogID  string `json:"log_id"`
		Log    string `json:"log"`
		Result string `json:"result"`
	}
}

func realChains(t testing.TB) []realChain {
	t.Helper()
	f, err := os.Open(filepath.Join(corpora.Dir(t, "real-chains"), "chains.json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Certs  []json.RawMessage `json:"certs"`
		Chains []struct {
			URL           string    `json:"url"`
			Leaf          int       `json:"leaf"`
			Intermediates []int     `json:"intermediates"`
			At            time.Time `json:"path_checked_at"`
			SCTs          []struct {
				LogID  string `json:"log_id"`
				Log    string `json:"log"`
				Result string `json:"result"`
			} `json:"scts"`
		} `json:"chains"`
	}
	if err := json.NewDecoder(z).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	at := func(i int) *cert.Certificate {
		var s string
		if err := json.Unmarshal(doc.Certs[i], &s); err != nil {
			t.Fatal(err)
		}
		raw, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return cert.Parse(raw)
	}
	var out []realChain
	for _, c := range doc.Chains {
		r := realChain{URL: c.URL, At: c.At, Path: []*cert.Certificate{at(c.Leaf)}, SCTs: c.SCTs}
		for _, i := range c.Intermediates {
			r.Path = append(r.Path, at(i))
		}
		out = append(out, r)
	}
	return out
}

// Every SCT of the 115 real chains verifies, and is of the log the corpus says.
func TestRealChains(t *testing.T) {
	list := currentList(t)
	chains := realChains(t)
	if len(chains) != 115 {
		t.Fatalf("%d chains, want 115", len(chains))
	}
	total := 0
	for _, c := range chains {
		r := ct.CheckSCTs(ct.Input{Path: c.Path, List: list, Policy: policy.CTRequire, Time: c.At})
		var leaf int
		for _, s := range r.CT.SCTs {
			if s.Cert != 0 {
				continue
			}
			if leaf >= len(c.SCTs) {
				t.Errorf("%s: more SCTs than the corpus", c.URL)
				break
			}
			want := c.SCTs[leaf]
			leaf++
			if s.Status != report.SCTValid || s.LogID != want.LogID || s.Log != want.Log || want.Result != "valid" {
				t.Errorf("%s: %+v, want %+v", c.URL, s, want)
			}
		}
		if leaf != len(c.SCTs) {
			t.Errorf("%s: %d SCTs, want %d", c.URL, leaf, len(c.SCTs))
		}
		total += leaf
		if leaf > 0 && (r.CT.Met == nil || !*r.CT.Met) {
			t.Errorf("%s: strict is not met: %v", c.URL, r.CT.Explain)
		}
	}
	if total != 392 {
		t.Errorf("%d SCTs, want 392", total)
	}
}
