package dane_test

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/dane"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/peers"
	"github.com/assaytls/assay/report"
)

// world is a small PKI: what a server sends, and what its clients trust.
type world struct {
	root, ica, leaf, bad *forge.CA // bad is a root that nobody trusts
}

func newWorld() *world {
	w := &world{root: forge.NewRoot("Root", nil), bad: forge.NewRoot("Other", nil)}
	w.ica = w.root.Intermediate("CA", nil)
	w.leaf = w.ica.Server("a.test", nil)
	return w
}

// server is one way to be served: the chain and the key.
type server struct {
	leaf  *forge.CA
	chain [][]byte
}

func (w *world) servers() map[string]server {
	late := w.ica.Issue(forge.Cert{Subject: forge.CN("late"), Key: w.leaf.Key, NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(0, 0, -1),
		Extensions: w.ica.ServerExts(w.leaf.Key, forge.DNS("a.test"))})
	self := forge.P256()
	return map[string]server{
		"good":      {w.leaf, [][]byte{w.ica.Raw}},
		"with root": {w.leaf, [][]byte{w.ica.Raw, w.root.Raw}},
		"private":   {w.bad.Server("a.test", w.leaf.Key), [][]byte{w.bad.Raw}},
		"named b":   {w.ica.Server("b.test", w.leaf.Key), [][]byte{w.ica.Raw}},
		"expired":   {late, [][]byte{w.ica.Raw}},
		"self": {&forge.CA{Key: self, Raw: forge.Cert{Issuer: forge.CN("self"), Subject: forge.CN("self"), Key: self, Serial: forge.Serial(5),
			Extensions: []forge.Ext{forge.SAN(forge.DNS("a.test"))}}.Sign(self)}, nil},
	}
}

// tlsa is the RDATA of a record about c.
func tlsa(usage, selector, matching byte, c *cert.Certificate) []byte {
	b := c.Raw
	if selector == 1 {
		b = c.RawSPKI
	}
	switch matching {
	case 1:
		sum := sha256.Sum256(b)
		b = sum[:]
	case 2:
		sum := sha512.Sum512(b)
		b = sum[:]
	}
	return append([]byte{usage, selector, matching}, b...)
}

func answered(ad bool, ch evidence.Channel, records ...[]byte) *evidence.DNS {
	return &evidence.DNS{Resolver: "127.0.0.1", Channel: ch, Lookups: []evidence.Lookup{
		{Name: "a.test", Type: "A", Code: "NOERROR", AD: ad},
		{Name: "_443._tcp.a.test", Type: "TLSA", Code: "NOERROR", AD: ad, Base: "a.test", Data: records}}}
}

// input judges what s sends, with PKIX's opinion under the trusted root.
func (w *world) input(t *testing.T, s server, dns *evidence.DNS) dane.Input {
	t.Helper()
	anchors := certpath.NewAnchors()
	if err := anchors.Add(w.root.Raw); err != nil {
		t.Fatal(err)
	}
	in := dane.Input{DNS: dns, Names: []string{"a.test"}, Options: certpath.Options{Time: time.Now()}, Sent: []*cert.Certificate{cert.Parse(s.leaf.Raw)}}
	for _, raw := range s.chain {
		in.Sent = append(in.Sent, cert.Parse(raw))
	}
	opt := in.Options
	id, _ := certpath.ParseIdentifier("a.test")
	opt.Names = []certpath.Identifier{id}
	for _, p := range certpath.Build(context.Background(), in.Sent[0], in.Sent[1:], anchors, opt).Paths {
		in.Accepted = in.Accepted || p.Clean()
		if p.Clean() || !in.Accepted {
			in.Paths = append(in.Paths, p.Certs)
		}
	}
	return in
}

// What assay says of certificates and records is what OpenSSL says, which is
// asked with the same ones.
func TestOpenSSLAgrees(t *testing.T) {
	openssl := peers.Path(t, "openssl")
	w := newWorld()
	rootFile := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(rootFile, forge.PEM("CERTIFICATE", w.root.Raw), 0o600); err != nil {
		t.Fatal(err)
	}
	leafOf, ica, root, bad := func(s server) *cert.Certificate { return cert.Parse(s.leaf.Raw) }, cert.Parse(w.ica.Raw), cert.Parse(w.root.Raw), cert.Parse(w.bad.Raw)
	cases, matches := 0, 0
	for name, s := range w.servers() {
		port := serve(t, s)
		type row struct {
			what    string
			records [][]byte
		}
		var rows []row
		about := map[string]*cert.Certificate{"leaf": leafOf(s), "CA": ica, "root": root, "other root": bad}
		for _, what := range []string{"leaf", "CA", "root", "other root"} {
			for usage := byte(0); usage < 4; usage++ {
				for selector := byte(0); selector < 2; selector++ {
					for matching := byte(0); matching < 3; matching++ {
						if testing.Short() && matching == 2 {
							continue
						}
						rows = append(rows, row{fmt.Sprintf("%d %d %d %s", usage, selector, matching, what), [][]byte{tlsa(usage, selector, matching, about[what])}})
					}
				}
			}
		}
		rows = append(rows,
			row{"one of two", [][]byte{tlsa(3, 1, 1, bad), tlsa(3, 1, 1, about["leaf"])}},
			row{"SHA-512 wrong, SHA-256 right", [][]byte{tlsa(3, 1, 2, bad), tlsa(3, 1, 1, about["leaf"])}},
			row{"SHA-512 right, SHA-256 wrong", [][]byte{tlsa(3, 1, 1, bad), tlsa(3, 1, 2, about["leaf"])}},
			row{"SHA-512 wrong, of another selector", [][]byte{tlsa(3, 0, 2, bad), tlsa(3, 1, 1, about["leaf"])}},
			row{"SHA-512 wrong, in full right", [][]byte{tlsa(3, 1, 2, bad), tlsa(3, 1, 0, about["leaf"])}},
			row{"usage 4 beside a right one", [][]byte{append([]byte{4}, tlsa(3, 1, 1, bad)[1:]...), tlsa(3, 1, 1, about["leaf"])}},
			row{"a short hash beside a wrong one", [][]byte{tlsa(3, 1, 1, about["leaf"])[:20], tlsa(3, 1, 1, bad)}},
		)
		for _, r := range rows {
			in := w.input(t, s, answered(true, evidence.ChannelLoopback, r.records...))
			d, _ := dane.Judge(context.Background(), in)
			ours := d.Result == report.DANEMatch
			if ours && !in.Accepted { // usages 0 and 1 need PKIX too, which the report says elsewhere
				ours = false
				for _, rec := range d.Records {
					ours = ours || rec.Matches && rec.Usage >= 2
				}
			}
			args := []string{"s_client", "-connect", "127.0.0.1:" + port, "-CAfile", rootFile, "-no-CApath", "-no-CAstore", "-dane_tlsa_domain", "a.test", "-dane_ee_no_namechecks", "-verify_return_error", "-brief"}
			for _, b := range r.records {
				args = append(args, "-dane_tlsa_rrdata", fmt.Sprintf("%d %d %d %s", b[0], b[1], b[2], hex.EncodeToString(b[3:])))
			}
			out, _ := exec.Command(openssl, args...).CombinedOutput()
			theirs := strings.Contains(string(out), "Verification: OK")
			if !theirs && !strings.Contains(string(out), "verif") && !strings.Contains(string(out), "Verif") {
				t.Fatalf("%s, %s: openssl: %s", name, r.what, out)
			}
			if cases++; ours {
				matches++
			}
			if ours != theirs {
				t.Errorf("%s, %s: assay %s (PKIX %v, %+v), openssl: %s", name, r.what, d.Result, in.Accepted, d.Records[0].Detail, out)
			}
		}
	}
	t.Logf("%d cases, %d match", cases, matches)
	if cases < 300 || matches < 40 {
		t.Errorf("%d cases, of which %d match", cases, matches)
	}
}

// serve serves s until the test ends.
func serve(t *testing.T, s server) (port string) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{s.leaf.TLS(s.chain...)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(10 * time.Second))
				c.(*tls.Conn).Handshake()
				c.(*tls.Conn).CloseWrite()
			}()
		}
	}()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

// ids are the kinds of findings.
func ids(fs []finding.Finding) (out []finding.ID) {
	for _, f := range fs {
		out = append(out, f.ID)
	}
	return out
}

// When records count, and what comes of those that do not.
func TestWhenRecordsCount(t *testing.T) {
	w := newWorld()
	good := server{w.leaf, [][]byte{w.ica.Raw}}
	leaf, bad := cert.Parse(w.leaf.Raw), cert.Parse(w.bad.Raw)
	right, wrong := tlsa(3, 1, 1, leaf), tlsa(3, 1, 1, bad)
	lookup := func(name string, ad bool, code string, data ...[]byte) evidence.Lookup {
		return evidence.Lookup{Name: "_443._tcp." + name, Type: "TLSA", Code: code, AD: ad, Base: name, Data: data}
	}
	dns := func(ls ...evidence.Lookup) *evidence.DNS {
		return &evidence.DNS{Channel: evidence.ChannelLoopback, Lookups: ls}
	}
	signed := evidence.Lookup{Name: "a.test", Type: "A", Code: "NOERROR", AD: true}
	unsigned := evidence.Lookup{Name: "a.test", Type: "A", Code: "NOERROR"}
	for _, c := range []struct {
		what   string
		dns    *evidence.DNS
		smtp   bool
		result report.DANEResult
		id     finding.ID
	}{
		{"a match on this computer", answered(true, evidence.ChannelLoopback, right), false, report.DANEMatch, ""},
		{"a match over TLS", answered(true, evidence.ChannelTLS, right), false, report.DANEMatch, ""},
		{"no match", answered(true, evidence.ChannelLoopback, wrong), false, report.DANEMismatch, finding.DANEMismatch},
		{"no match, without AD", answered(false, evidence.ChannelLoopback, wrong), false, report.DANENotAuthenticated, finding.DANENotAuthenticated},
		{"no match, AD in plain DNS", answered(true, evidence.ChannelPlain, wrong), false, report.DANENotAuthenticated, finding.DANENotAuthenticated},
		{"no match, AD over a channel of no kind", answered(true, "", wrong), false, report.DANENotAuthenticated, finding.DANENotAuthenticated},
		{"a match, without AD", answered(false, evidence.ChannelLoopback, right), false, report.DANENotAuthenticated, finding.DANENotAuthenticated},
		{"none", answered(true, evidence.ChannelLoopback), false, report.DANENone, finding.DANENone},
		{"a name that is not there", dns(signed, lookup("a.test", true, "NXDOMAIN")), false, report.DANENone, finding.DANENone},
		{"all unknown", answered(true, evidence.ChannelLoopback, append([]byte{9}, right[1:]...), []byte{3, 2, 1, 5}, []byte{3, 1, 7, 5}, []byte{3, 1}), false, report.DANEUnusable, finding.DANEUnusable},
		{"usage 1 in SMTP", answered(true, evidence.ChannelLoopback, tlsa(1, 1, 1, leaf)), true, report.DANEUnusable, finding.DANEUnusable},
		{"usage 1 elsewhere", answered(true, evidence.ChannelLoopback, tlsa(1, 1, 1, leaf)), false, report.DANEMatch, ""},
		{"usage 3 in SMTP", answered(true, evidence.ChannelLoopback, right), true, report.DANEMatch, ""},
		{"bogus", dns(signed, lookup("a.test", false, "SERVFAIL")), false, report.DANEFailed, finding.DANELookupFailed},
		{"bogus, and no address", dns(lookup("a.test", false, "SERVFAIL")), false, report.DANEFailed, finding.DANELookupFailed},
		{"bogus address too", dns(evidence.Lookup{Name: "a.test", Type: "A", Code: "SERVFAIL"}, lookup("a.test", false, "SERVFAIL")), false, report.DANEFailed, finding.DANELookupFailed},
		{"a server that cannot say, in an unsigned zone", dns(unsigned, lookup("a.test", false, "SERVFAIL")), false, report.DANENone, finding.DANENone},
		{"refused", dns(signed, lookup("a.test", false, "REFUSED")), false, report.DANEFailed, finding.DANELookupFailed},
		{"no answer", dns(signed, evidence.Lookup{Name: "_443._tcp.a.test", Type: "TLSA", Base: "a.test", Failure: "timeout"}), false, report.DANEFailed, finding.DANELookupFailed},
		{"at the alias", dns(lookup("b.test", true, "NOERROR", right), lookup("a.test", true, "NOERROR", wrong)), false, report.DANEMatch, ""},
		{"none at the alias", dns(lookup("b.test", true, "NOERROR"), lookup("a.test", true, "NOERROR", wrong)), false, report.DANEMismatch, finding.DANEMismatch},
		{"not authentic at the alias", dns(lookup("b.test", false, "NOERROR", right), lookup("a.test", true, "NOERROR", wrong)), false, report.DANEMismatch, finding.DANEMismatch},
		{"bogus at the alias", dns(lookup("b.test", false, "SERVFAIL"), lookup("a.test", true, "NOERROR", right)), false, report.DANEFailed, finding.DANELookupFailed},
	} {
		in := w.input(t, good, c.dns)
		in.SMTP = c.smtp
		d, fs := dane.Judge(context.Background(), in)
		got := ids(fs)
		if d.Result != c.result || len(got) > 1 || c.id == "" && len(got) > 0 || c.id != "" && (len(got) != 1 || got[0] != c.id) {
			t.Errorf("%s: %s %v, want %s %s", c.what, d.Result, got, c.result, c.id)
		}
	}
	if d, fs := dane.Judge(context.Background(), w.input(t, good, nil)); d != nil || fs != nil {
		t.Error("judged without records")
	}
	if d, _ := dane.Judge(context.Background(), w.input(t, good, dns(signed))); d != nil {
		t.Error("judged where no TLSA records were asked for")
	}
	in := w.input(t, good, answered(true, evidence.ChannelLoopback, right))
	in.Sent = nil
	if d, fs := dane.Judge(context.Background(), in); d.Result != report.DANENotCompared || len(fs) > 0 {
		t.Errorf("no certificate: %s %v", d.Result, fs)
	}
}

// DANE accepts nothing that is refused otherwise: what it would have accepted
// alone is told.
func TestAlone(t *testing.T) {
	w := newWorld()
	self := w.servers()["self"]
	in := w.input(t, self, answered(true, evidence.ChannelLoopback, tlsa(3, 1, 1, cert.Parse(self.leaf.Raw))))
	d, fs := dane.Judge(context.Background(), in)
	if in.Accepted || d.Result != report.DANEMatch || len(fs) != 1 || fs[0].ID != finding.DANEAlone || fs[0].Severity != finding.Info {
		t.Errorf("%s %v", d.Result, fs)
	}
	in = w.input(t, server{w.leaf, [][]byte{w.ica.Raw}}, answered(true, evidence.ChannelLoopback, tlsa(3, 1, 1, cert.Parse(w.leaf.Raw))))
	if _, fs := dane.Judge(context.Background(), in); len(fs) > 0 {
		t.Errorf("%v", fs)
	}
}

// The names of a certificate below a CA that a record names: the one asked for,
// the base domain, and the next hop only where an authentic MX record says so.
func TestReferences(t *testing.T) {
	w := newWorld()
	for _, c := range []struct {
		name    string // of the certificate
		service *evidence.Service
		base    string
		ad      bool
		want    report.DANEResult
	}{
		{"a.test", nil, "a.test", true, report.DANEMatch},
		{"b.test", nil, "a.test", true, report.DANEMismatch},
		{"b.test", nil, "b.test", true, report.DANEMatch},
		{"b.test", &evidence.Service{Type: "MX", Domain: "b.test", Secure: true}, "a.test", true, report.DANEMatch},
		{"b.test", &evidence.Service{Type: "MX", Domain: "b.test"}, "a.test", true, report.DANEMismatch},
	} {
		dns := answered(c.ad, evidence.ChannelLoopback, tlsa(2, 0, 1, cert.Parse(w.ica.Raw)))
		dns.Service, dns.Lookups[1].Base = c.service, c.base
		in := w.input(t, server{w.ica.Server(c.name, nil), [][]byte{w.ica.Raw}}, dns)
		d, fs := dane.Judge(context.Background(), in)
		if d.Result != c.want {
			t.Errorf("%+v: %s (%s)", c, d.Result, d.Records[0].Detail)
		}
		if told := len(fs) > 0 && fs[0].ID == finding.DANEServiceInsecure; told != (c.service != nil && !c.service.Secure) {
			t.Errorf("%+v: %v", c, fs)
		}
	}
	dns := answered(true, evidence.ChannelLoopback, tlsa(2, 0, 1, cert.Parse(w.ica.Raw)))
	in := w.input(t, server{w.ica.Server("b.test", nil), [][]byte{w.ica.Raw}}, dns)
	in.Names = nil
	if d, _ := dane.Judge(context.Background(), in); d.Result != report.DANEMatch {
		t.Errorf("no name matters: %s", d.Result)
	}
}

// The key of a CA in full, whose certificate the server does not send.
func TestBareKey(t *testing.T) {
	w := newWorld()
	ca := cert.Parse(w.ica.Raw)
	for name, c := range map[string]struct {
		sent server
		want report.DANEResult
	}{
		"the CA is not sent": {server{w.leaf, nil}, report.DANEMatch},
		"another name":       {server{w.ica.Server("b.test", nil), nil}, report.DANEMismatch},
		"another CA":         {server{w.bad.Server("a.test", nil), nil}, report.DANEMismatch},
		"SHA-1":              {server{w.ica.Issue(forge.Cert{Key: w.leaf.Key, Alg: forge.ECDSAWithSHA1, Extensions: w.ica.ServerExts(w.leaf.Key, forge.DNS("a.test"))}), nil}, report.DANEMismatch},
	} {
		in := w.input(t, c.sent, answered(true, evidence.ChannelLoopback, tlsa(2, 1, 0, ca)))
		if d, _ := dane.Judge(context.Background(), in); d.Result != c.want {
			t.Errorf("%s: %s (%s)", name, d.Result, d.Records[0].Detail)
		}
	}
}

// More records than the bound are not used, and cost nothing.
func TestManyRecords(t *testing.T) {
	w := newWorld()
	var records [][]byte
	for range 200 {
		records = append(records, tlsa(2, 1, 0, cert.Parse(w.bad.Raw)))
	}
	records = append(records, tlsa(3, 1, 1, cert.Parse(w.leaf.Raw)))
	d, _ := dane.Judge(context.Background(), w.input(t, server{w.leaf, [][]byte{w.ica.Raw}}, answered(true, evidence.ChannelLoopback, records...)))
	if d.Result != report.DANEMismatch || d.Records[200].Usable {
		t.Errorf("%s %+v", d.Result, d.Records[200])
	}
}

func FuzzParse(f *testing.F) {
	w := newWorld()
	leaf := cert.Parse(w.leaf.Raw)
	for usage := byte(0); usage < 5; usage++ {
		for selector := byte(0); selector < 3; selector++ {
			for matching := byte(0); matching < 4; matching++ {
				f.Add(tlsa(usage, selector, matching, leaf))
			}
		}
	}
	f.Add([]byte{3, 1})
	sent := []*cert.Certificate{leaf, cert.Parse(w.ica.Raw)}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, why := dane.Parse(b)
		if why == "" && (r.Usage > 3 || r.Selector > 1 || r.Matching > 2 || len(r.Data) == 0 || len(r.Data) > dane.MaxData) {
			t.Fatalf("usable: %+v", r)
		}
		d, _ := dane.Judge(context.Background(), dane.Input{DNS: answered(true, evidence.ChannelLoopback, b), Sent: sent, Paths: [][]*cert.Certificate{sent}, Accepted: true,
			Names: []string{"a.test"}, Options: certpath.Options{Time: time.Now()}})
		if why != "" && d.Result != report.DANEUnusable {
			t.Fatalf("%q: %s", why, d.Result)
		}
	})
}
