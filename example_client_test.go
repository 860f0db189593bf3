package assay_test

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

func ExampleNew() {
	v, err := assay.New(assay.Internal(roots)) // assay.Config{} for the public web
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	c, err := v.Dial("tcp", site("good"))
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	fmt.Println("connected, nothing is revoked")
	// Output: connected, nothing is revoked
}

func ExampleConfig_roots() {
	conf := assay.Internal(nil)
	conf.Anchors.Files = []string{rootFile} // PEM or DER; PEM, Dirs and System are the other places
	v, err := assay.New(conf)
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	_, err = v.Dial("tcp", site("revoked"))
	fmt.Println(errors.Is(err, finding.CertRevoked))
	// Output: true
}

func ExampleVerifier_Transport() {
	v, err := assay.New(assay.Internal(roots))
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	client := &http.Client{Transport: v.Transport(), Timeout: 30 * time.Second}
	for _, name := range []string{"good", "revoked"} {
		resp, err := client.Get("https://" + site(name) + "/")
		if err != nil {
			fmt.Println(name, "refused:", errors.Is(err, finding.CertRevoked))
			continue
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		fmt.Println(name, resp.Proto, strings.TrimSpace(string(body)))
	}
	// Output:
	// good HTTP/2.0 lab scenario good
	// revoked refused: true
}

func ExampleVerifier_ClientConfig() {
	v, err := assay.New(assay.Internal(roots))
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	conf, err := v.ClientConfig(&tls.Config{MinVersion: tls.VersionTLS13})
	if err != nil {
		log.Fatal(err)
	}
	c, err := tls.Dial("tcp", site("good"), conf) // or pgx, net/smtp, a mail or message client …
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	fmt.Println(tls.VersionName(c.ConnectionState().Version))
	// Output: TLS 1.3
}

func ExampleVerifier_DialContext() {
	v, err := assay.New(assay.Internal(roots))
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err = v.DialContext(ctx, "tcp", site("revoked"), nil)
	fmt.Println(errors.Is(err, finding.CertRevoked)) // err says when, why and who says so, on one line
	// Output: true
}

func ExampleVerifier_Dial() {
	v, err := assay.New(assay.Internal(roots))
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	_, err = v.Dial("tcp", site("wrong-host"))
	fmt.Println(errors.Is(err, finding.NameMismatch))
	// Output: true
}

func ExampleVerifier_Handshake() {
	v, err := assay.New(assay.Internal(roots))
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	raw, err := net.Dial("tcp", site("good")) // and here the protocol's own STARTTLS
	if err != nil {
		log.Fatal(err)
	}
	defer raw.Close()
	c, err := v.Handshake(ctx, raw, &tls.Config{ServerName: "good.lab.assay.test"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.ConnectionState().HandshakeComplete)
	// Output: true
}

func ExampleError() {
	v, err := assay.New(assay.Internal(roots))
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	client := &http.Client{Transport: v.Transport()}
	_, err = client.Get("https://" + site("revoked") + "/")

	var refused *assay.Error
	switch {
	case errors.Is(err, finding.CertRevoked):
		fmt.Println("revoked")
	case errors.Is(err, finding.ClassRevocationUnavailable):
		fmt.Println("nobody could say whether it is revoked: try again later")
	case errors.As(err, &refused):
		fmt.Println("refused:", refused.Report.Headline.Finding.Title())
	case err != nil:
		fmt.Println("not reached:", err)
	}
	// Output: revoked
}

func ExampleExplain() {
	_, err := tls.Dial("tcp", site("wrong-host"), &tls.Config{RootCAs: rootPool()}) // no assay here
	if r := assay.Explain(err, "wrong-host.lab.assay.test"); r != nil {
		fmt.Println(r.Verdict)
	}
	// Output: reject
}

func ExampleVerifier_Explain() {
	v, err := assay.New(assay.Internal(roots))
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	conf, err := v.ClientConfig(nil)
	if err != nil {
		log.Fatal(err)
	}
	_, err = tls.Dial("tcp", site("wrong-host"), conf)
	if r := v.Explain(err, "wrong-host.lab.assay.test"); r != nil {
		fmt.Println(r.Headline.Finding.ID)
	}
	// Output: name-mismatch
}

func ExampleVerifier_Check() {
	v, err := assay.New(assay.Internal(roots))
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	host, port, _ := net.SplitHostPort(site("revoked"))
	r, err := v.Check(context.Background(), assay.Target{Host: host, Port: port})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Verdict, r.Headline.Finding.ID)
	// Output: reject cert-revoked
}

func ExampleVerifier_Judge() {
	var seen *evidence.Evidence
	conf := assay.Internal(roots)
	conf.Verify = func(_ context.Context, ev *evidence.Evidence, _ *report.Report) ([]finding.Finding, error) {
		seen = ev // a copy: keep it, write it to a file with evidence.Encode
		return nil, nil
	}
	v, err := assay.New(conf)
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	host, port, _ := net.SplitHostPort(site("revoked"))
	if _, err := v.Check(context.Background(), assay.Target{Host: host, Port: port}); err != nil {
		log.Fatal(err)
	}
	r := v.Judge(context.Background(), seen) // opens no socket
	fmt.Println(r.Verdict, r.Headline.Finding.ID)
	// Output: reject cert-revoked
}

func ExampleVerifier_Learnt() {
	v, err := assay.New(assay.Internal(roots))
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	v.Dial("tcp", site("revoked-by-crl"))
	for _, l := range v.Learnt() {
		fmt.Println("revoked:", l.Reason, "by", l.Scheme)
	}
	// Output: revoked: superseded by crl
}

func ExampleVerifier_Forget() {
	v, err := assay.New(assay.Internal(roots))
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	v.Dial("tcp", site("revoked-by-crl"))
	serial := hex.EncodeToString(v.Learnt()[0].Serial) // the authority says that it made a mistake
	n, err := v.Forget(serial)
	fmt.Println(n, err)
	_, err = v.Dial("tcp", site("revoked-by-crl")) // its list still says so
	fmt.Println(errors.Is(err, finding.CertRevoked))
	// Output:
	// 1 <nil>
	// true
}

func ExampleConfig_verify() {
	conf := assay.Internal(roots)
	conf.Logger = slog.New(slog.DiscardHandler)
	conf.Verify = func(_ context.Context, ev *evidence.Evidence, r *report.Report) ([]finding.Finding, error) {
		if r.Certs[0].NotAfter.Sub(r.Certs[0].NotBefore) > 20*24*time.Hour {
			return []finding.Finding{{ID: "x-long-lived", Severity: finding.Error,
				Params: []finding.Param{{Name: "title", Value: "our certificates live 20 days at most"}}}}, nil
		}
		return nil, nil
	}
	v, err := assay.New(conf)
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	_, err = v.Dial("tcp", site("good"))
	fmt.Println(errors.Is(err, finding.ID("x-long-lived")))
	fmt.Println(err)
	// Output:
	// true
	// assay: good.lab.assay.test refused: our certificates live 20 days at most (x-long-lived)
}

func ExampleVerifier_ServerConfig() {
	v, err := assay.New(assay.Internal(roots))
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	conf, err := v.ServerConfig(&tls.Config{
		Certificates: []tls.Certificate{serverPair()},
		ClientAuth:   tls.RequireAndVerifyClientCert,
	})
	if err != nil {
		log.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", conf)
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "welcome") }),
		ErrorLog: log.New(io.Discard, "", 0)}
	go server.Serve(l)
	defer server.Close()

	good, revoked := clientPairs()
	for _, pair := range []tls.Certificate{good, revoked} {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: rootPool(), Certificates: []tls.Certificate{pair}}}}
		resp, err := client.Get("https://" + strings.Replace(l.Addr().String(), "127.0.0.1", "localhost", 1) + "/")
		fmt.Println(err == nil)
		if err == nil {
			resp.Body.Close()
		}
	}
	// Output:
	// true
	// false
}

func ExampleVerifier_With() {
	v, err := assay.New(assay.Internal(roots))
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	p := v.Policy()
	p.MinRSA, p.RequireDNS = 3072, []string{"payments.example"} // for one service only
	payments, err := v.With(p)
	if err != nil {
		log.Fatal(err)
	}
	_, err = payments.Dial("tcp", site("good"))
	fmt.Println(errors.Is(err, finding.NameMismatch))
	// Output: true
}

// One host of several has a rule of its own: a Verifier for it, over the same caches.
func ExampleVerifier_With_perHost() {
	v, err := assay.New(assay.Internal(roots))
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	rules := v.Policy()
	rules.RequireDNS = []string{"payments.lab.assay.test"} // must be in its certificate, too
	payments, err := v.With(rules)
	if err != nil {
		log.Fatal(err)
	}
	byHost := map[string]*assay.Verifier{site("good"): payments}
	dial := func(addr string) error {
		judge := v
		if own := byHost[addr]; own != nil {
			judge = own
		}
		c, err := judge.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err
	}
	fmt.Println(errors.Is(dial(site("good")), finding.NameMismatch), dial(site("good-staple")))
	// Output: true <nil>
}

// Anchors are renewed without a restart: when the file has changed, for example on
// SIGHUP, the program dials with another Verifier over the same caches.
func ExampleVerifier_WithAnchors() {
	v, err := assay.New(assay.Internal(roots))
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	var current atomic.Pointer[assay.Verifier]
	current.Store(v)
	renewed, err := v.WithAnchors(assay.Anchors{Files: []string{rootFile}})
	if err != nil {
		fmt.Println("the old anchors stay:", err)
	} else {
		current.Store(renewed)
	}
	_, err = current.Load().Dial("tcp", site("revoked"))
	fmt.Println(errors.Is(err, finding.CertRevoked))
	// Output: true
}

func ExampleVerifier_Policy() {
	v, err := assay.New(assay.Internal(roots))
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	rules, err := json.Marshal(v.Policy())
	fmt.Println(string(rules), err)
	// Output: {"unknown":"deny"} <nil>
}

func ExampleReportOf() {
	v, err := assay.New(assay.Internal(roots))
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	c, err := v.Dial("tcp", site("good"))
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	for _, check := range assay.ReportOf(c).Checks {
		if check.Name == report.RevocationCheck {
			fmt.Println(check.Name, check.State) // leaf and intermediate
		}
	}
	// Output:
	// revocation done
	// revocation done
}

func ExampleConfig_observe() {
	conf := assay.Internal(roots)
	conf.Observe = func(_ context.Context, r *report.Report) { fmt.Println(r.Target.Host, r.Verdict) }
	v, err := assay.New(conf)
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	v.Dial("tcp", site("good"))
	v.Dial("tcp", site("revoked"))
	// Output:
	// good.lab.assay.test accept
	// revoked.lab.assay.test reject
}

func ExampleWeb() {
	conf := assay.Web() // the zero Config
	conf.Unknown = assay.UnknownDeny
	v, err := assay.New(conf)
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	_, err = v.Dial("tcp", site("good")) // the lab's CA is not one of the system's
	fmt.Println(errors.Is(err, finding.ClassPath))
	// Output: true
}

func ExampleOneShot() {
	conf := assay.OneShot(os.Getenv("ASSAY_CACHE")) // or a directory below os.UserCacheDir()
	conf.Roots, conf.PrivateFetch = roots, true     // the lab's; leave this out for public servers
	v, err := assay.New(conf)
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	client := &http.Client{Transport: v.Transport(), Timeout: 30 * time.Second}
	_, err = client.Post("https://"+site("revoked")+"/", "text/plain", strings.NewReader("a secret"))
	fmt.Println("nothing was sent:", errors.Is(err, finding.CertRevoked))
	// Output: nothing was sent: true
}

func ExampleInternal() {
	v, err := assay.New(assay.Internal(roots))
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	_, err = v.Dial("tcp", site("crl-unreachable"))
	fmt.Println(errors.Is(err, finding.ClassRevocationUnavailable))
	// Output: true
}

func ExampleHardFail() {
	conf := assay.HardFail()
	conf.Roots, conf.PrivateFetch = roots, true
	v, err := assay.New(conf)
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	for _, name := range []string{"good", "crl-unreachable"} {
		c, err := v.Dial("tcp", site(name))
		if err == nil {
			c.Close()
		}
		fmt.Println(name, err == nil)
	}
	// Output:
	// good true
	// crl-unreachable false
}

func ExampleVerifier_Close() {
	v, err := assay.New(assay.Config{Roots: roots, CacheDir: os.TempDir() + "/assay-example-" + fmt.Sprint(os.Getpid())})
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(os.TempDir() + "/assay-example-" + fmt.Sprint(os.Getpid()))
	v.Close()
	_, err = v.Dial("tcp", site("good"))
	fmt.Println(errors.Is(err, assay.ErrClosed))
	// Output: true
}

func ExampleShutdown() {
	v, err := assay.New(assay.Internal(roots))
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := v.DialContext(ctx, "tcp", site("good"), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprint(c, "GET / HTTP/1.0\r\n\r\n")
	if _, err := io.ReadAll(c); err != nil {
		log.Fatal(err)
	}
	fmt.Println(assay.Shutdown(ctx, c)) // nil: both sides said that they had finished
	// Output: <nil>
}

func ExampleTruncated() {
	v, err := assay.New(assay.Internal(roots))
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	c, err := v.Dial("tcp", site("good"))
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET / HTTP/1.0\r\n\r\n")
	if _, err := io.ReadAll(c); err != nil {
		log.Fatal(err)
	}
	fmt.Println(assay.Truncated(c)) // true: an attacker may have cut the answer short
	// Output: false
}

func ExampleVerifier_Stats() {
	v, err := assay.New(assay.Internal(roots))
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	// With expvar: expvar.Publish("assay", expvar.Func(func() any { return v.Stats() }))
	_, err = v.Dial("tcp", site("revoked"))
	s := v.Stats()
	fmt.Println(err != nil, s.Judgements, s.Refused, s.Refusals[finding.ClassRevocation], s.Learnt > 0)
	// Output: true 1 1 1 true
}

func ExampleVerifier_JudgeConnection() {
	v, err := assay.New(assay.Internal(roots))
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	client := &http.Client{Transport: v.Transport()}
	resp, err := client.Get("https://" + site("good") + "/")
	if err != nil {
		log.Fatal(err)
	}
	resp.Body.Close()
	r := v.JudgeConnection(context.Background(), resp.TLS)
	fmt.Println(r.Verdict, r.Paths[r.Chosen].Certs[0].Revocation.Status)
	// Output: accept good
}
