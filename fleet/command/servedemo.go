package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/fleet/watch"
	"github.com/assaytls/assay/internal/target"
)

// demoConfig wants no targets in the configuration of the demonstration: what it says
// about alerts and about who may ask applies, what it would watch does not.
func (s *service) demoConfig() error {
	if len(s.config.Specs()) > 0 {
		return target.Usagef("--demo watches the lab alone: leave out the groups and authorities of %s", s.flags.config)
	}
	return nil
}

// demoDoor is where somebody at this computer has a server of the demonstration
// revoked and mended. It listens at an address of its own on loopback: whoever may ask
// the service, from elsewhere perhaps, may not change what it watches.
type demoDoor struct {
	s      *service
	server *http.Server
	l      net.Listener
	ways   *http.ServeMux
}

// openDoor listens at the port after the service's, or at any other that is free.
func (s *service) openDoor(service net.Addr) (*demoDoor, error) {
	port := 0
	if at, ok := service.(*net.TCPAddr); ok {
		port = at.Port + 1
	}
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return nil, fmt.Errorf("there is no port on loopback for the demonstration's commands: %w", err)
	}
	d := &demoDoor{s: s, l: l}
	d.ways = http.NewServeMux()
	d.ways.HandleFunc("POST /demo/{target}/revoke", func(w http.ResponseWriter, r *http.Request) {
		d.change(w, r, d.s.demo.Revoke, "shows a revoked certificate from now on")
	})
	d.ways.HandleFunc("POST /demo/{target}/mend", func(w http.ResponseWriter, r *http.Request) {
		d.change(w, r, d.s.demo.Mend, "is as it was")
	})
	d.server = &http.Server{Handler: d, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: time.Minute, IdleTimeout: time.Minute, MaxHeaderBytes: 8 << 10,
		ErrorLog: log.New(io.Discard, "", 0)}
	go d.server.Serve(l)
	return d, nil
}

func (d *demoDoor) close() { d.server.Close() }

// hint is a command that does something here.
func (d *demoDoor) hint() string {
	name := "good"
	if specs := d.s.demo.Specs(); len(specs) > 0 {
		name = specs[0].Name
	}
	return fmt.Sprintf("curl -X POST http://%s/demo/%s/revoke (then /mend)", d.l.Addr(), name)
}

// ServeHTTP answers POST /demo/TARGET/revoke and /demo/TARGET/mend.
func (d *demoDoor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if !atThisComputer(r) {
		http.Error(w, "The demonstration is changed from this computer, by a command and not by a page.", http.StatusForbidden)
		return
	}
	d.ways.ServeHTTP(w, r)
}

// atThisComputer refuses what a page in a browser sends: other sites' pages may send a
// POST anywhere, and their names may lead here (DNS rebinding). Browsers say where a
// POST comes from.
func atThisComputer(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		return false
	}
	if at, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !at.IsLoopback()) {
		return false
	}
	return r.Header.Get("Origin") == "" && r.Header.Get("Sec-Fetch-Site") == ""
}

// change changes a server and has it checked at once.
func (d *demoDoor) change(w http.ResponseWriter, r *http.Request, how func(context.Context, string) error, what string) {
	name := r.PathValue("target")
	err := how(r.Context(), name)
	if err == nil {
		err = d.s.checkNamed(r.Context(), name)
	}
	switch {
	case errors.Is(err, watch.ErrNotFound):
		http.Error(w, fmt.Sprintf("The demonstration has no server called %s. /api/v1/targets of the service lists them.", finding.Quote(name)), http.StatusNotFound)
	case err != nil:
		d.s.Warn(err)
		http.Error(w, "The server could not be changed; standard error of assay says why.", http.StatusInternalServerError)
	default:
		fmt.Fprintf(w, "%s %s. It is checked now.\n", name, what)
	}
}

// checkNamed has a server of the demonstration checked as soon as can be.
func (s *service) checkNamed(ctx context.Context, name string) error {
	page, err := s.store.Targets(ctx, watch.TargetQuery{Search: name, Limit: watch.MaxPage}, time.Now())
	if err != nil {
		return err
	}
	for _, t := range page.Targets {
		if t.Name != name || t.Origin != watch.FromConfig {
			continue
		}
		if err := s.store.CheckNow(ctx, t.ID, time.Now()); err != nil {
			return err
		}
		s.watch.Wake()
		return nil
	}
	return watch.ErrNotFound
}
