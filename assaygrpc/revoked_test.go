package assaygrpc_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/assaygrpc"
	"github.com/assaytls/assay/internal/lab/forge"
)

// A list that arrives after the handshake ends the connection, with the stream on
// it, and no call passes any more; on a server it ends the client's.
func TestConnectionEnds(t *testing.T) {
	for _, revoked := range []string{"the server", "the client"} {
		t.Run(revoked, func(t *testing.T) {
			root := forge.NewRoot("gRPC Root", nil)
			list := make(chan struct{})
			var serial []byte
			crl := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				select {
				case <-list:
				case <-r.Context().Done():
				}
				w.Write(root.CRL(forge.CRL{Entries: []forge.Entry{forge.Revoke(serial, forge.KeyCompromise)}}))
			}))
			defer crl.Close()
			issue := func(exts func(*forge.Key) []forge.Ext) *forge.CA {
				key := forge.P256()
				return root.Issue(forge.Cert{Key: key, Extensions: append(exts(key), forge.CRLDP(crl.URL+"/crl"))})
			}
			server := issue(func(k *forge.Key) []forge.Ext {
				return root.ServerExts(k, forge.IPRaw(net.IPv4(127, 0, 0, 1).To4()))
			})
			client := root.Issue(clientCert(root, crl.URL))
			serial = server.Serial
			if revoked == "the client" {
				serial = client.Serial
			}
			v, err := assay.New(assay.Config{Roots: [][]byte{root.Raw}, PrivateFetch: true, Network: assay.Background})
			if err != nil {
				t.Fatal(err)
			}
			defer v.Close()
			addr := serve(t, v, &tls.Config{Certificates: []tls.Certificate{server.TLS()}, ClientAuth: tls.RequireAndVerifyClientCert})
			creds, err := assaygrpc.NewClient(v, &tls.Config{Certificates: []tls.Certificate{client.TLS()}})
			if err != nil {
				t.Fatal(err)
			}
			conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(creds))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			health := healthpb.NewHealthClient(conn)
			stream, err := health.Watch(ctx, &healthpb.HealthCheckRequest{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := stream.Recv(); err != nil {
				t.Fatal("before the list:", err)
			}
			close(list)
			if _, err := stream.Recv(); status.Code(err) != codes.Unavailable {
				t.Errorf("the stream: %v", err)
			}
			if len(v.Learnt()) == 0 {
				t.Error("nothing was learnt")
			}
			for range 3 {
				call, cancel := context.WithTimeout(ctx, 5*time.Second)
				if _, err := health.Check(call, &healthpb.HealthCheckRequest{}); status.Code(err) != codes.Unavailable {
					t.Errorf("a later call: %v", err)
				}
				cancel()
			}
		})
	}
}

func clientCert(root *forge.CA, crl string) forge.Cert {
	key := forge.P256()
	return forge.Cert{Key: key, Subject: forge.CN("a client"), Extensions: []forge.Ext{forge.BasicConstraints(false, -1),
		forge.KeyUsage(forge.DigitalSignature), forge.EKU(forge.ClientAuth), forge.SKI(key.ID()), forge.AKI(root.Key.ID()), forge.CRLDP(crl + "/crl")}}
}
