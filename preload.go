package assay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// preloads bounds the hosts that Preload asks at the same time.
const preloads = 16

// Preload fills the caches before the first handshake, so that it need not wait:
// it connects to each host, "name", "name:port" or an address (the port is 443
// when there is none), gathers what judging its certificates takes, and closes the
// connection without sending anything. It connects directly, not through a proxy,
// and waits as long as [Verifier.Check] does, whatever FetchBudget says; ctx bounds
// it all. Config.Verify and Config.Observe are called as in Check.
//
// The error joins one for each host that could not be reached or of whose
// certificates a status could not be had. A host that is refused for other
// reasons, a revocation among them, is none: the handshake says so.
func (v *Verifier) Preload(ctx context.Context, hosts ...string) error {
	if v.core != nil && v.conf.Network == Offline {
		return errors.New("assay: Preload downloads, which Config.Network Offline forbids")
	}
	errs := make([]error, len(hosts))
	turn := make(chan struct{}, preloads)
	var wg sync.WaitGroup
	for i, host := range hosts {
		turn <- struct{}{}
		wg.Go(func() {
			defer func() { <-turn }()
			errs[i] = v.preload(ctx, host)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (v *Verifier) preload(ctx context.Context, hostPort string) error {
	host, port, err := net.SplitHostPort(hostPort)
	if err != nil {
		host, port = strings.Trim(hostPort, "[]"), ""
	}
	r, err := v.Check(ctx, Target{Host: host, Port: port})
	switch why := lacks(r); {
	case err != nil:
		return err
	case why != nil:
		return fmt.Errorf("assay: preloading %s: %s (%s)", finding.Quote(hostPort), why.Title(), finding.Quote(string(why.ID)))
	}
	return nil
}

// lacks returns why r could not be complete: no connection, or a status that could
// not be had on the chosen path. nil when nothing is lacking.
func lacks(r *report.Report) *finding.Finding {
	switch {
	case r == nil:
		return nil
	case len(r.Certs) == 0 && r.Headline != nil:
		return &r.Headline.Finding
	case r.Chosen < 0 || r.Chosen >= len(r.Paths):
		return nil
	}
	for _, c := range r.Paths[r.Chosen].Certs {
		if c.Revocation == nil || c.Revocation.Status != report.Unknown {
			continue
		}
		for _, f := range c.Findings {
			if f.Kind().Class == finding.ClassRevocationUnavailable || f.Kind().Class == finding.ClassRevocation {
				return &f
			}
		}
		f := finding.New(finding.RevocationUnavailable)
		return &f
	}
	return nil
}
