package assay_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/filters"
	"github.com/assaytls/assay/internal/lab"
	"github.com/assaytls/assay/policy"
)

// storeFilters puts files into the set in dir, as `assay update filters` does.
func storeFilters(t *testing.T, dir string, files []string) {
	t.Helper()
	from := t.TempDir()
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(from, filepath.Base(f)), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	source, err := filters.ParseSource(from, [32]byte{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := (filters.Update{Dir: dir, Source: source}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// filterFiles are the files of a scenario, the full filter first.
func filterFiles(t *testing.T, s lab.Scenario) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(strings.TrimSuffix(s.Filters, "-filters")+"-files", "*.filter*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	return files
}

// filtersClient returns a client that leads to a scenario's server, and asks
// filters alone.
func filtersClient(t *testing.T, l *lab.Lab, s lab.Scenario, c assay.Config) (*http.Client, *assay.Verifier) {
	t.Helper()
	c.Roots, c.Schemes, c.Depth = l.Roots, policy.Only(policy.CRLite), policy.DepthLeaf
	v := newVerifier(t, c)
	tr := transportFrom(t, v, func(set *http.Transport) {
		set.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, s.Addr)
		}
	})
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 20 * time.Second}, v
}

// TestFilters: handshakes ask the filters, and a set that comes later is asked by
// handshakes, by what is remembered, and by connections that are open already.
func TestFilters(t *testing.T) {
	l := startLab(t, "crlite-revoked-by-delta")
	dir := t.TempDir()
	s, _ := l.Scenario("crlite-revoked-by-delta")
	files := filterFiles(t, s)

	storeFilters(t, dir, files[:1])
	client, v := filtersClient(t, l, s, assay.Config{Filters: assay.Filters{Dir: dir}, Unknown: assay.UnknownDeny})
	for range 2 {
		if err := get(client, s); err != nil {
			t.Fatalf("the full filter says good: %v", err)
		}
	}
	storeFilters(t, dir, files)
	assay.ReopenFilters(v)
	if err := get(client, s); !errors.Is(err, finding.CertRevoked) {
		t.Errorf("a delta revokes, and the connection that is kept goes on: %v", err)
	}
	client.CloseIdleConnections()
	if err := get(client, s); !errors.Is(err, finding.CertRevoked) {
		t.Errorf("a delta revokes: %v", err)
	}
	var refused *assay.Error
	if err := get(client, s); !errors.As(err, &refused) || refused.Report.FiltersHash == "" {
		t.Errorf("the report does not name the filters: %v", err)
	}
	if n := v.Stats().Remembered; n > 3 {
		t.Errorf("%d judgements were remembered across sets", n)
	}
}

// TestFiltersAreFetched: the source is asked beside the handshakes.
func TestFiltersAreFetched(t *testing.T) {
	l := startLab(t, "crlite-revoked")
	s, _ := l.Scenario("crlite-revoked")
	var list []map[string]any
	mux := http.NewServeMux()
	for _, f := range filterFiles(t, s) {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, map[string]any{"filename": filepath.Base(f), "size": len(b), "hash": fmt.Sprintf("%x", sha256.Sum256(b))})
		mux.HandleFunc("/"+filepath.Base(f), func(w http.ResponseWriter, _ *http.Request) { w.Write(b) })
	}
	manifest, err := json.Marshal(map[string]any{"files": list})
	if err != nil {
		t.Fatal(err)
	}
	mux.HandleFunc("/manifest.json", func(w http.ResponseWriter, _ *http.Request) { w.Write(manifest) })
	mirror := httptest.NewServer(mux)
	defer mirror.Close()

	client, _ := filtersClient(t, l, s, assay.Config{Filters: assay.Filters{Dir: filepath.Join(t.TempDir(), "filters"), Source: mirror.URL + "/manifest.json"}})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		err := get(client, s)
		if errors.Is(err, finding.CertRevoked) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		select {
		case <-ctx.Done():
			t.Fatal("the filters have not come")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func TestFiltersConfig(t *testing.T) {
	for name, f := range map[string]assay.Filters{
		"a source without a directory": {Source: "mozilla"},
		"an unknown source":            {Dir: t.TempDir(), Source: "nobody"},
		"a directory that is a file":   {Dir: "filters_test.go"},
	} {
		if v, err := assay.New(assay.Config{Filters: f}); err == nil {
			v.Close()
			t.Errorf("%s is accepted", name)
		}
	}
	v, err := assay.New(assay.Config{Filters: assay.Filters{Dir: t.TempDir()}})
	if err != nil {
		t.Fatalf("a directory in which there is nothing yet: %v", err)
	}
	v.Close()
}
