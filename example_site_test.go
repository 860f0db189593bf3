package assay_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"testing"

	"github.com/assaytls/assay/internal/lab"
)

// The examples talk to scenarios of the lab: `assay lab NAME` starts the same
// ones by hand.
var (
	examples = startExamples()
	roots    = examples.lab.Roots    // trust anchors, DER
	rootFile = examples.lab.RootFile // the same in a file, PEM
	logList  = examples.lab.LogList  // a CT log list, JSON
)

type exampleLab struct {
	lab          *lab.Lab
	server       tls.Certificate
	client, gone tls.Certificate
}

// exampleScenarios are those that examples name.
var exampleScenarios = []string{"good", "revoked", "wrong-host", "crl-unreachable", "revoked-by-crl", "good-delegate", "revoked-by-ocsp", "ocsp-try-later", "good-staple",
	"revoked-by-staple", "must-staple-missing", "sct-embedded", "sct-none", "onecrl-intermediate"}

// startExamples starts the lab and has its names resolved in this process.
func startExamples() exampleLab {
	l, err := lab.Start(context.Background(), lab.Options{Only: exampleScenarios})
	if err != nil {
		panic(err)
	}
	resolver, err := l.Resolver()
	if err != nil {
		panic(err)
	}
	net.DefaultResolver = resolver
	e := exampleLab{lab: l, server: l.ServerPair("localhost")}
	e.client, e.gone = l.ClientPairs()
	return e
}

func TestMain(m *testing.M) {
	code := m.Run()
	examples.lab.Close()
	os.Exit(code)
}

func scenario(name string) lab.Scenario {
	s, ok := examples.lab.Scenario(name)
	if !ok {
		panic("no scenario " + name)
	}
	return s
}

// site is the "host:port" of a scenario's server: "good", "revoked", …
func site(name string) string { return scenario(name).Target() }

// serverCert is the certificate that the named site shows, issuerCert that of
// the CA that issued it.
func serverCert(name string) []byte { return scenario(name).Leaf }
func issuerCert(name string) []byte { return scenario(name).Chain[0] }

// filterDir is the directory with the CRLite filters and OneCRL of a site.
func filterDir(name string) string { return scenario(name).Filters }

// serverPair is the certificate and key of a server of one's own, and
// clientPairs those of two clients, the second one revoked.
func serverPair() tls.Certificate                  { return examples.server }
func clientPairs() (good, revoked tls.Certificate) { return examples.client, examples.gone }

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
