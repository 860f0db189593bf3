package assaygrpc_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/assaygrpc"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
)

// pki is a root whose CRL names one revoked certificate of each kind.
type pki struct {
	root                                         *forge.CA
	goodServer, badServer, goodClient, badClient *forge.CA
}

func newPKI(t *testing.T) *pki {
	p := &pki{root: forge.NewRoot("gRPC Root", nil)}
	crl := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write(p.root.CRL(forge.CRL{Entries: []forge.Entry{forge.Revoke(p.badServer.Serial, forge.KeyCompromise), forge.Revoke(p.badClient.Serial, forge.KeyCompromise)}}))
	}))
	t.Cleanup(crl.Close)
	server := func() *forge.CA {
		key := forge.P256()
		return p.root.Issue(forge.Cert{Key: key, Extensions: append(p.root.ServerExts(key, forge.DNS("localhost"), forge.IPRaw(net.IPv4(127, 0, 0, 1).To4())), forge.CRLDP(crl.URL+"/crl"))})
	}
	client := func() *forge.CA {
		key := forge.P256()
		return p.root.Issue(forge.Cert{Key: key, Subject: forge.CN("a client"), Extensions: []forge.Ext{forge.BasicConstraints(false, -1),
			forge.KeyUsage(forge.DigitalSignature), forge.EKU(forge.ClientAuth), forge.SKI(key.ID()), forge.AKI(p.root.Key.ID()), forge.CRLDP(crl.URL + "/crl")}})
	}
	p.goodServer, p.badServer, p.goodClient, p.badClient = server(), server(), client(), client()
	return p
}

func verifier(t *testing.T, p *pki) *assay.Verifier {
	v, err := assay.New(assay.Internal([][]byte{p.root.Raw}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

// serve runs a gRPC health service.
func serve(t *testing.T, v *assay.Verifier, base *tls.Config) (addr string) {
	creds, err := assaygrpc.NewServer(v, base)
	if err != nil {
		t.Fatal(err)
	}
	return serveWith(t, creds)
}

func serveWith(t *testing.T, creds credentials.TransportCredentials) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(grpc.Creds(creds))
	healthpb.RegisterHealthServer(s, health.NewServer())
	go s.Serve(l)
	t.Cleanup(s.Stop)
	return l.Addr().String()
}

// call asks the service at addr for its health.
func call(t *testing.T, creds credentials.TransportCredentials, addr string) error {
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(creds))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err = healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
	return err
}

func TestGRPC(t *testing.T) {
	p := newPKI(t)
	v := verifier(t, p)
	for _, c := range []struct {
		name           string
		server, client *forge.CA
		ok             bool
	}{
		{"good", p.goodServer, p.goodClient, true},
		{"revoked server", p.badServer, p.goodClient, false},
		{"revoked client", p.goodServer, p.badClient, false},
		{"no client certificate", p.goodServer, nil, false},
	} {
		for _, chosen := range []bool{false, true} {
			t.Run(c.name, func(t *testing.T) {
				base := &tls.Config{Certificates: []tls.Certificate{c.server.TLS()}, ClientAuth: tls.RequireAndVerifyClientCert}
				if chosen {
					inner := base.Clone()
					base.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return inner, nil }
				}
				addr := serve(t, v, base)
				mine := &tls.Config{}
				if c.client != nil {
					mine.Certificates = []tls.Certificate{c.client.TLS()}
				}
				creds, err := assaygrpc.NewClient(v, mine)
				if err != nil {
					t.Fatal(err)
				}
				for _, host := range []string{"127.0.0.1", "localhost"} {
					_, port, _ := net.SplitHostPort(addr)
					err = call(t, creds, net.JoinHostPort(host, port))
					if (err == nil) != c.ok || err != nil && status.Code(err) != codes.Unavailable {
						t.Errorf("%s: error %v, want passing %v", host, err, c.ok)
					}
					if c.server == p.badServer {
						if refused := creds.Refusal(); refused == nil || !errors.Is(refused, finding.CertRevoked) || !errors.Is(refused, finding.ClassRevocation) || !strings.Contains(err.Error(), "revoked") {
							t.Errorf("%s: refusal %v, error %v", host, refused, err)
						}
					} else if creds.Refusal() != nil {
						t.Errorf("%s: refusal %v", host, creds.Refusal())
					}
				}
			})
		}
	}
}

// A certificate for another name is refused by the standard library, as ever.
func TestName(t *testing.T) {
	p := newPKI(t)
	v := verifier(t, p)
	addr := serve(t, v, &tls.Config{Certificates: []tls.Certificate{p.goodServer.TLS()}, ClientAuth: tls.VerifyClientCertIfGiven})
	creds, err := assaygrpc.NewClient(v, nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = creds.ClientHandshake(context.Background(), "elsewhere.test:443", raw)
	var host x509.HostnameError
	if !errors.As(err, &host) || !errors.Is(err, finding.NameMismatch) {
		t.Errorf("error %v", err)
	}
}

// A peer that does not speak HTTP/2, and configs that verify nothing.
func TestRefuses(t *testing.T) {
	p := newPKI(t)
	v := verifier(t, p)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{p.goodServer.TLS()}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if c, err := l.Accept(); err == nil {
			c.(*tls.Conn).Handshake()
		}
	}()
	creds, err := assaygrpc.NewClient(v, nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := creds.Clone().ClientHandshake(context.Background(), "localhost", raw); err == nil || !strings.Contains(err.Error(), "HTTP/2") {
		t.Errorf("error %v", err)
	}
	if _, err := assaygrpc.NewServer(v, nil); err == nil {
		t.Error("a server without a config was accepted")
	}
	if _, err := assaygrpc.NewServer(v, &tls.Config{ClientAuth: tls.RequestClientCert}); err == nil {
		t.Error("a server that does not verify was accepted")
	}
	if _, err := assaygrpc.NewClient(v, &tls.Config{RootCAs: x509.NewCertPool()}); err == nil {
		t.Error("roots were accepted twice")
	}
	if _, _, err := creds.ServerHandshake(nil); err == nil {
		t.Error("a client served")
	}
}

// gRPC's own TLS credentials take the config of ClientConfig and of ServerConfig
// as it is; the refusal's text is in the status.
func TestPlainCredentials(t *testing.T) {
	p := newPKI(t)
	v := verifier(t, p)
	for _, c := range []struct {
		name           string
		server, client *forge.CA
		ok             bool
	}{
		{"good", p.goodServer, p.goodClient, true},
		{"revoked server", p.badServer, p.goodClient, false},
		{"revoked client", p.goodServer, p.badClient, false},
	} {
		conf, err := v.ServerConfig(&tls.Config{Certificates: []tls.Certificate{c.server.TLS()}, ClientAuth: tls.RequireAndVerifyClientCert})
		if err != nil {
			t.Fatal(err)
		}
		addr := serveWith(t, credentials.NewTLS(conf))
		mine, err := v.ClientConfig(&tls.Config{Certificates: []tls.Certificate{c.client.TLS()}})
		if err != nil {
			t.Fatal(err)
		}
		err = call(t, credentials.NewTLS(mine), addr)
		if (err == nil) != c.ok || err != nil && status.Code(err) != codes.Unavailable {
			t.Errorf("%s: error %v, want passing %v", c.name, err, c.ok)
		}
		if c.server == p.badServer && (err == nil || !strings.Contains(err.Error(), "cert-revoked")) {
			t.Errorf("%s: error %v", c.name, err)
		}
	}
}
