package cli

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

// A certificate that is revoked between the two connections of --resume is
// rejected, and the report says why, though a good list is in the cache.
func TestResumeRevokedBetween(t *testing.T) {
	for name, version := range tlsVersions {
		t.Run("TLS "+name, func(t *testing.T) {
			var connections, lists atomic.Int32
			var crl atomic.Pointer[[]byte]
			web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				lists.Add(1)
				w.Write(*crl.Load())
			}))
			defer web.Close()
			s := newSite(t, forge.CRLDP(web.URL+"/list.crl"))
			good := s.ca.CRL(forge.CRL{})
			revoked := s.ca.CRL(forge.CRL{Entries: []forge.Entry{forge.Revoke(s.leaf.Serial, 1)}})
			crl.Store(&good)
			revoke := false // before the third connection: the second one looks for another certificate
			port := listenAt(t, "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{s.cert}, MaxVersion: version,
				GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
					if connections.Add(1) == 3 && revoke {
						crl.Store(&revoked)
					}
					return nil, nil
				}})
			cache := t.TempDir()
			check := func(flags ...string) (int, []report.Report) {
				t.Helper()
				connections.Store(0)
				crl.Store(&good)
				return s.checkJSON(t, port, append([]string{"--resume", "--resolve", "localhost:" + port + ":127.0.0.1", "--cache-dir", cache}, flags...)...)
			}
			status, rs := check("--offline=false")
			if status != 0 || len(rs) != 1 || !slices.Contains(ids(allFindings(&rs[0])), "session-resumed") || lists.Load() != 2 {
				t.Fatalf("good all the time: status %d, %d reports, %d lists fetched", status, len(rs), lists.Load())
			}
			// Offline nothing new can be learnt: the first connection's list counts.
			if status, rs = check("--offline"); status != 0 || len(rs) != 1 {
				t.Errorf("offline: status %d, %d reports", status, len(rs))
			}
			revoke = true
			status, rs = check("--offline=false")
			if status != command.Reject || len(rs) != 2 || rs[0].Verdict != report.Accept || rs[1].Verdict != report.Reject {
				t.Fatalf("status %d, %d reports", status, len(rs))
			}
			if h := rs[1].Headline; h == nil || h.Finding.ID != "cert-revoked" || !rs[1].Connection.Resumed {
				t.Errorf("headline %+v, connection %+v", h, rs[1].Connection)
			}
			for _, f := range rs[0].Findings {
				if f.ID == "session-resumed" && !strings.HasSuffix(f.Title(), "the verdict is reject") {
					t.Errorf("%s", f.Title())
				}
			}
			// As text: both reports, with the words that explain.
			connections.Store(0)
			crl.Store(&good)
			status, out, errs := run("", "check", "-v", "localhost:"+port, "--resume", "--resolve", "localhost:"+port+":127.0.0.1", "--roots", s.root, "--cache-dir", t.TempDir())
			for _, want := range []string{"ACCEPT  localhost:" + port, "REJECT  localhost:" + port, "[cert-revoked]", "what to do", "the verdict is reject", "resumed"} {
				if !strings.Contains(strings.Join(strings.Fields(out), " "), strings.Join(strings.Fields(want), " ")) {
					t.Errorf("%q is missing", want)
				}
			}
			if status != command.Reject || errs != "" {
				t.Errorf("status %d\n%s%s", status, out, errs)
			}
			// What the second connection told is known to the next check.
			if status, rs = check("--offline"); status != command.Reject || len(rs) != 1 {
				t.Errorf("offline: status %d, %d reports", status, len(rs))
			}
		})
	}
}

// No early data is offered, however a session is resumed: RFC 8446, 4.2.10.
func TestNoEarlyData(t *testing.T) {
	s := newSite(t)
	hellos := make(chan []uint16, 4)
	port := listenAt(t, "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{s.cert}, GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		hellos <- h.Extensions
		return nil, nil
	}})
	if status, _ := s.checkJSON(t, port, "--resume", "--resolve", "localhost:"+port+":127.0.0.1"); status != 0 {
		t.Fatalf("status %d", status)
	}
	const preSharedKey, earlyData = 41, 42
	for i, resumes := range []bool{false, false, true} { // the second one looks for another certificate
		select {
		case h := <-hellos:
			if slices.Contains(h, earlyData) || slices.Contains(h, preSharedKey) != resumes {
				t.Errorf("hello %d has the extensions %v", i+1, h)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("no hello")
		}
	}
}
