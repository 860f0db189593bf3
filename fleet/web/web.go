// Package web answers over HTTP: pages for people, the JSON API of a watch, checks that somebody asks
// for, Prometheus' probes, and the service's own health and metrics.
//
// Whoever asks is a stranger: what he names is reached at public addresses, and in
// the networks that the configuration allows. Only what the configuration names
// itself is reached wherever it is.
package web

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"net/http"
	"net/netip"
	"sync/atomic"

	"github.com/assaytls/assay/fleet/alert"
	"github.com/assaytls/assay/fleet/watch"
	"golang.org/x/time/rate"
)

// Asker checks what somebody asks for: [watch.Judges.Ask], or the lab's.
type Asker func(ctx context.Context, q watch.Question) (watch.Outcome, error)

// Server answers. Its fields are set before Use, which is called before anything else,
// and not changed then.
type Server struct {
	Store  *watch.Store
	Alerts *alert.Manager // nil: there are none
	Ask    Asker
	Counts func() watch.Counts
	Wake   func() // has the watcher look for what is due
	// Trouble, when not nil, is told what went wrong in the service itself. It must
	// be safe for concurrent use.
	Trouble func(error)
	Version string // of the program

	access   atomic.Pointer[access]
	config   atomic.Pointer[known]
	requests *limits // of each client
	guesses  *limits // without a valid token, of each client
	checks   *limits // that a client asks for
	targets  *limits // checks of one stranger's target
	gate     *gate
	recent   recent
	streams  streams
	origins  http.CrossOriginProtection
	secret   [32]byte
	metrics  *metrics
	handler  http.Handler
}

// known is the configuration in use.
type known struct {
	config *watch.Config
	by     map[string]watch.Spec // of the configuration, by group and target, and by group and name
}

// The bounds of checks that somebody asks for.
const (
	checksAtATime = 64
	checksWaiting = 2000
	perTarget     = 6 // in a minute, of a target that a stranger names
)

// Use has the Server answer by settings from now on; address is what is listened on.
// When something is wrong nothing changes.
func (s *Server) Use(settings Settings, address string) error {
	a, err := settings.open(address)
	if err != nil {
		return err
	}
	requests, checks := cmp.Or(settings.Requests, DefaultRequests), cmp.Or(settings.Checks, DefaultChecks)
	if s.handler != nil {
		s.requests.set(rate.Limit(float64(requests)), 10*requests)
		s.checks.set(rate.Limit(float64(checks)/60), checks)
	} else {
		rand.Read(s.secret[:])
		s.requests = newLimits(rate.Limit(float64(requests)), 10*requests)
		s.guesses = newLimits(rate.Limit(1.0/6), 20)
		s.checks = newLimits(rate.Limit(float64(checks)/60), checks)
		s.targets = newLimits(rate.Limit(perTarget/60.0), perTarget)
		s.gate = newGate(checksAtATime, checksWaiting)
		s.recent.by = map[string]*shared{}
		s.streams = streams{open: map[*stream]struct{}{}, clients: map[string]int{}, done: make(chan struct{})}
		s.metrics = newMetrics(s)
		s.handler = s.guard(s.mux())
	}
	s.access.Store(a)
	return nil
}

// Configure says what the configuration in use is, and everything that it names.
func (s *Server) Configure(c *watch.Config, specs []watch.Spec) {
	k := &known{config: c, by: map[string]watch.Spec{}}
	for _, spec := range specs {
		for _, group := range []string{spec.Group, ""} {
			for _, name := range []string{spec.Name, spec.Target} {
				key := group + "\x1f" + name
				if _, twice := k.by[key]; !twice || name == spec.Target {
					k.by[key] = spec
				}
			}
		}
	}
	s.config.Store(k)
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// TLS is the configuration of TLS, nil when there is none. The certificate is the one
// that was read last.
func (s *Server) TLS() *tls.Config {
	if s.access.Load().cert == nil {
		return nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		if c := s.access.Load().cert; c != nil {
			return c, nil
		}
		return nil, errors.New("there is no certificate any more")
	}}
}

// Allowed says which networks are checked besides public addresses for those who ask.
func (s Settings) Allowed() ([]netip.Prefix, error) { return prefixes(s.Networks) }
