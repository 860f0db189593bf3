package assaygrpc_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/assaygrpc"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab"
)

// The PKI of the examples: a server, a client, and a client whose certificate is
// revoked.
var pair = func() (p struct {
	roots                   [][]byte
	server, client, revoked tls.Certificate
	lab                     *lab.Lab
}) {
	l, err := lab.Start(context.Background(), lab.Options{Only: []string{"good"}})
	if err != nil {
		panic(err)
	}
	p.lab = l
	p.roots, p.server = l.Roots, l.ServerPair("localhost")
	p.client, p.revoked = l.ClientPairs()
	return p
}()

func TestMain(m *testing.M) {
	code := m.Run()
	pair.lab.Close()
	os.Exit(code)
}

func ExampleNewServer() {
	v, err := assay.New(assay.Internal(pair.roots))
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	creds, err := assaygrpc.NewServer(v, &tls.Config{
		Certificates: []tls.Certificate{pair.server},
		ClientAuth:   tls.RequireAndVerifyClientCert, // clients are checked for revocation
	})
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(grpc.Creds(creds))
	healthpb.RegisterHealthServer(server, health.NewServer())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go server.Serve(l)
	defer server.Stop()

	_, port, _ := net.SplitHostPort(l.Addr().String())
	for _, mine := range []tls.Certificate{pair.client, pair.revoked} {
		fmt.Println(ask(v, "localhost:"+port, mine) == nil)
	}
	// Output:
	// true
	// false
}

// ask calls a server with a client's certificate.
func ask(v *assay.Verifier, addr string, mine tls.Certificate) error {
	creds, err := assaygrpc.NewClient(v, &tls.Config{Certificates: []tls.Certificate{mine}})
	if err != nil {
		return err
	}
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(creds))
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = healthpb.NewHealthClient(conn).Check(context.Background(), &healthpb.HealthCheckRequest{})
	return err
}

func ExampleNewClient() {
	v, err := assay.New(assay.Internal(pair.roots))
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	creds, err := assaygrpc.NewClient(v, nil)
	if err != nil {
		log.Fatal(err)
	}
	conn, err := grpc.NewClient("localhost:50051", grpc.WithTransportCredentials(creds))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close() // it connects with the first call
	fmt.Println(creds.Info().SecurityProtocol)
	// Output: tls
}

func ExampleClient_Refusal() {
	v, err := assay.New(assay.Web()) // which does not trust the server's CA
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair.server}, NextProtos: []string{"h2"}})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go c.(*tls.Conn).Handshake()
		}
	}()
	creds, err := assaygrpc.NewClient(v, nil)
	if err != nil {
		log.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	conn, err := grpc.NewClient("localhost:"+port, grpc.WithTransportCredentials(creds))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	_, err = healthpb.NewHealthClient(conn).Check(context.Background(), &healthpb.HealthCheckRequest{})
	refused := creds.Refusal() // err has the text only
	fmt.Println(err != nil, errors.Is(refused, finding.ClassPath))
	// Output: true true
}
