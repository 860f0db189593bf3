package assay_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/assaytls/assay/internal/lab/forge"
)

// The servers that the examples talk to. They listen on loopback as long as the
// test binary runs.
var (
	examples = newExampleSites()
	roots    = [][]byte{examples.root.Raw} // trust anchors, DER
	logList  = examples.logList            // a CT log list, JSON
)

// site is "localhost:port" of a server: "good", "revoked", …
func site(name string) string { return examples.addr[name] }

// exampleSites are a CA with all its services, and one server for each name.
type exampleSites struct {
	root         *forge.CA
	logs         []*forge.Key
	logList      []byte
	addr         map[string]string
	serial       map[string][]byte
	leaf         map[string]*forge.CA
	client, gone *forge.CA // client certificates; gone's is revoked
	url          string
}

func newExampleSites() *exampleSites {
	s := &exampleSites{root: forge.NewRoot("Example Root", nil), logs: []*forge.Key{forge.P256(), forge.P256()},
		addr: map[string]string{}, serial: map[string][]byte{}, leaf: map[string]*forge.CA{}}
	s.logList = forge.LogList(time.Now().Add(-time.Hour), forge.Log{Key: s.logs[0], Description: "Log A", Operator: "Operator A", URL: "https://a.test/"},
		forge.Log{Key: s.logs[1], Description: "Log B", Operator: "Operator B", URL: "https://b.test/"})
	mux := http.NewServeMux()
	s.url = "http://" + s.listen(mux)
	mux.HandleFunc("/crl", func(w http.ResponseWriter, _ *http.Request) {
		w.Write(s.root.CRL(forge.CRL{Entries: []forge.Entry{forge.Revoke(s.serial["revoked"], forge.KeyCompromise), forge.Revoke(s.gone.Serial, forge.Superseded)}}))
	})
	// One responder for each site: it needs no parser to know whom it is asked about.
	mux.HandleFunc("/ocsp/{name}/", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, io.LimitReader(r.Body, 1<<16))
		w.Write(s.response(r.PathValue("name")))
	})
	crl, staple := forge.CRLDP(s.url+"/crl"), forge.MustStaple()
	ocsp := func(name string) forge.Ext { return forge.AIA([]string{s.url + "/ocsp/" + name + "/"}, nil) }
	s.serve("good", "localhost", false, crl)
	s.serve("revoked", "localhost", false, crl)
	s.serve("ocsp-good", "localhost", false, ocsp("ocsp-good"))
	s.serve("ocsp-revoked", "localhost", false, ocsp("ocsp-revoked"))
	s.serve("stapled", "localhost", true, ocsp("stapled"))
	s.serve("must-staple", "localhost", true, ocsp("must-staple"), staple)
	s.serve("must-staple-missing", "localhost", false, ocsp("must-staple-missing"), staple)
	s.serve("other-name", "elsewhere.test", false, crl)
	s.serve("unreachable", "localhost", false, forge.CRLDP("http://127.0.0.1:1/crl"))
	s.serve("logged", "localhost", false, crl, forge.Ext{OID: "scts"})
	s.client, s.gone = s.clientCert(crl), s.clientCert(crl)
	return s
}

func (s *exampleSites) listen(h http.Handler) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go (&http.Server{Handler: h, ErrorLog: quietLog()}).Serve(l)
	return l.Addr().String()
}

// response is an OCSP response for the named site.
func (s *exampleSites) response(name string) []byte {
	single := s.root.Good(s.serial[name])
	if strings.Contains(name, "revoked") {
		single = s.root.RevokedSingle(s.serial[name], forge.KeyCompromise)
	}
	return forge.OCSP{Singles: []forge.Single{single}}.Sign(s.root)
}

// serve starts a server; the extension "scts" stands for two embedded SCTs.
func (s *exampleSites) serve(name, host string, staple bool, exts ...forge.Ext) {
	key := forge.P256()
	c := forge.Cert{Key: key, Extensions: s.root.ServerExts(key, forge.DNS(host), forge.IPRaw(net.IPv4(127, 0, 0, 1).To4()))}
	logged := false
	for _, e := range exts {
		if e.OID == "scts" {
			logged = true
			continue
		}
		c.Extensions = append(c.Extensions, e)
	}
	var leaf *forge.CA
	if logged {
		leaf = s.root.WithSCTs(c, func(tbs []byte) [][]byte {
			at := forge.SCT{Time: time.Now().Add(-time.Hour)}
			return [][]byte{at.SignPrecert(s.logs[0], s.root.Key, tbs), at.SignPrecert(s.logs[1], s.root.Key, tbs)}
		})
	} else {
		leaf = s.root.Issue(c)
	}
	s.serial[name], s.leaf[name] = leaf.Serial, leaf
	pair := leaf.TLS()
	if staple {
		pair.OCSPStaple = s.response(name)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2", "http/1.1"}})
	if err != nil {
		panic(err)
	}
	go (&http.Server{ErrorLog: quietLog(), Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") })}).Serve(l)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	s.addr[name] = "localhost:" + port
}

func (s *exampleSites) clientCert(exts ...forge.Ext) *forge.CA {
	key := forge.P256()
	return s.root.Issue(forge.Cert{Key: key, Subject: forge.CN("a client"), Extensions: append([]forge.Ext{forge.BasicConstraints(false, -1),
		forge.KeyUsage(forge.DigitalSignature), forge.EKU(forge.ClientAuth), forge.SKI(key.ID()), forge.AKI(s.root.Key.ID())}, exts...)})
}

// serverPair is the certificate and key of a server of one's own, and
// clientPairs those of two clients, the second one revoked.
func serverPair() tls.Certificate { return examples.leaf["good"].TLS() }
func clientPairs() (good, revoked tls.Certificate) {
	return examples.client.TLS(), examples.gone.TLS()
}

// serverCert is the certificate that the named site shows.
func serverCert(name string) []byte { return examples.leaf[name].Raw }

// rootPool is roots for crypto/x509.
func rootPool() *x509.CertPool {
	p := x509.NewCertPool()
	for _, der := range roots {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			panic(err)
		}
		p.AddCert(c)
	}
	return p
}
