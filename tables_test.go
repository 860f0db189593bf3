package assay_test

import (
	"crypto/tls"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"testing"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/internal/sig/known"
	"github.com/assaytls/assay/report"
)

// Config.KnownKeyTables: an issuer's key has a table from the eighth certificate on.
// When tables prove wrong, remembered judgements are made again and sessions are not
// resumed; connections are accepted by crypto/ecdsa alone. Being for good, that is
// tried in a process of its own.
func TestKnownKeyTables(t *testing.T) {
	if os.Getenv("ASSAY_TEST_BREAK") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), "ASSAY_TEST_BREAK=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	w := newWorld(t)
	v, without := newVerifier(t, w.config(assay.Config{KnownKeyTables: true})), newVerifier(t, w.config(assay.Config{}))
	conf, err := v.ClientConfig(&tls.Config{ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(8)})
	if err != nil {
		t.Fatal(err)
	}
	dial := func(addr string) bool {
		t.Helper()
		cs, err := talk(addr, conf)
		if err != nil {
			t.Error(err)
		}
		return cs.DidResume
	}
	check := func(v *assay.Verifier, addr string) report.Verdict {
		t.Helper()
		_, port, _ := net.SplitHostPort(addr)
		r, err := v.Check(t.Context(), assay.Target{Host: "localhost", Port: port, Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}})
		if err != nil {
			t.Fatal(err)
		}
		return r.Verdict
	}
	var addr string
	for range 10 {
		addr = serve(t, &tls.Config{Certificates: []tls.Certificate{w.server().TLS()}})
		if a, b := check(v, addr), check(without, addr); a != report.Accept || b != report.Accept {
			t.Errorf("verdicts %s and %s", a, b)
		}
	}
	s := v.Stats()
	if s.TablesBuilt == 0 || s.TablesAccepted == 0 || s.TablesChecked != 0 {
		t.Errorf("%+v", s)
	}
	if s := without.Stats(); s.TablesBuilt != 0 || s.TablesAccepted != 0 {
		t.Errorf("by default: %+v", s)
	}
	forged := newWorld(t).server() // by the same name, another key
	if verdict := check(v, serve(t, &tls.Config{Certificates: []tls.Certificate{forged.TLS()}})); verdict != report.Reject {
		t.Errorf("another issuer's server: %s", verdict)
	}

	dial(addr)
	resumed := dial(addr)
	remembered := v.Stats().Remembered
	if !resumed || remembered == s.Remembered {
		t.Errorf("nothing is remembered before: resumed %v, %d judgements", resumed, remembered)
	}
	known.Break()
	if dial(addr) {
		t.Error("a session was resumed that tables had accepted")
	}
	if n := v.Stats().Remembered; n != remembered {
		t.Error("a judgement was remembered that tables had accepted")
	}
	if dial(addr); v.Stats().Remembered == remembered {
		t.Error("nothing is remembered any more")
	}
	if after := v.Stats(); after.TablesAccepted != s.TablesAccepted {
		t.Errorf("tables are still used: %+v", after)
	}
}
