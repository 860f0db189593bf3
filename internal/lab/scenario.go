package lab

import (
	"cmp"
	"context"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/tlsclient"
	"github.com/assaytls/assay/report"
)

// Scenario is one server of the lab.
type Scenario struct {
	Name  string // "revoked-by-crl"
	Group string // "good", "path", "revocation", "ct", "connection", "hostile"
	Story string // what is wrong here and what must come of it, one or two sentences

	Host string // the name to ask for: a host name below Domain, or an IP address
	Addr string // where it listens, "127.0.0.1:40123"
	Port string

	Policy engine.Policy
	Flags  []string // Policy as flags of `assay check`

	Want     report.Verdict
	Findings []finding.ID // each must be in the report, anywhere
	Absent   []finding.ID // none of these may be

	// Leaf is the certificate that the server presents and Chain what it sends
	// after it; nil where nothing speaks TLS.
	Leaf  []byte
	Chain [][]byte

	// MaxDownload lowers the limit on one download, in bytes, so that a
	// scenario about it is quick; 0 keeps the default.
	MaxDownload int64
	// DownloadTimeout and Timeout bound one download and the handshake, so
	// that a scenario about slowness is quick; 0 keeps the defaults.
	DownloadTimeout, Timeout time.Duration

	// Client holds what the dial needs besides the address: a proxy, STARTTLS,
	// a certificate. Lab.Config completes it.
	Client tlsclient.Config
	// NoRoots and NoLogList leave the lab's roots and log list out; Public has
	// the roots count as publicly trusted, so that browsers' CT policies apply.
	NoRoots, NoLogList, Public bool
	// LogList replaces the lab's log list; it is in LogListFile. nil: the lab's.
	LogList     []byte
	LogListFile string
	// Local scenarios need what no flag can say, such as a DNS server of their
	// own: Curl, OpenSSL and Assay do not reach them.
	Local bool
}

// entry is a scenario in the catalogue.
type entry struct {
	name, group, story string
	want               report.Verdict
	findings           []finding.ID
	make               func(*build)
}

// ids keeps the catalogue's lines short.
func ids(list ...finding.ID) []finding.ID { return list }

func (e entry) scenario() *Scenario {
	return &Scenario{Name: e.name, Group: e.group, Story: e.story, Want: e.want, Findings: e.findings,
		Host: e.name + "." + Domain}
}

func catalogue() []entry {
	var all []entry
	for _, group := range []struct {
		name    string
		entries []entry
	}{{"good", goodScenarios}, {"path", pathScenarios}, {"revocation", revocationScenarios}, {"ct", ctScenarios}, {"ct", ctAuditScenarios},
		{"connection", connectionScenarios}, {"connection", wireScenarios}, {"hostile", hostileScenarios}} {
		for _, e := range group.entries {
			e.group = group.name
			all = append(all, e)
		}
	}
	return all
}

// Resolve returns the override that leads to the scenario's server, in the
// form that clients want: by "host:port".
func (s Scenario) Resolve() map[string][]netip.Addr {
	if _, err := netip.ParseAddr(s.Host); err == nil {
		return nil
	}
	return map[string][]netip.Addr{strings.ToLower(s.Host) + ":" + s.Port: {netip.MustParseAddr("127.0.0.1")}}
}

// Target returns "host:port".
func (s Scenario) Target() string { return net.JoinHostPort(s.Host, s.Port) }

// Curl returns the arguments of curl for the scenario, without the program.
func (l *Lab) Curl(s Scenario) []string {
	args := []string{"--cacert", l.RootFile}
	if s.Client.Proxy != "" {
		args = append(args, "--proxy", s.Client.Proxy)
	} else {
		args = append(args, "--noproxy", "*")
	}
	if s.Resolve() != nil {
		args = append(args, "--resolve", s.Target()+":127.0.0.1")
	}
	if s.Client.StartTLS != "" {
		return append(args, "--ssl-reqd", s.Client.StartTLS+"://"+s.Target()+"/")
	}
	return append(args, "https://"+s.Target()+"/")
}

// OpenSSL returns the arguments of openssl s_client for the scenario.
func (l *Lab) OpenSSL(s Scenario) []string {
	args := []string{"s_client", "-connect", s.Addr, "-CAfile", l.RootFile, "-verify_return_error", "-status"}
	if s.Client.Proxy != "" {
		args = append(args, "-proxy", strings.TrimPrefix(s.Client.Proxy, "http://"))
	}
	if s.Client.StartTLS != "" {
		args = append(args, "-starttls", s.Client.StartTLS)
	}
	if s.Resolve() != nil {
		return append(args, "-servername", s.Host, "-verify_hostname", s.Host)
	}
	return append(args, "-noservername", "-verify_ip", s.Host)
}

// Assay returns the arguments of assay for the scenario.
func (l *Lab) Assay(s Scenario) []string {
	args := []string{"check", "--roots", l.RootFile, "--log-list", cmp.Or(s.LogListFile, l.LogListFile)}
	for target, addrs := range l.Config(s).Resolve {
		args = append(args, "--resolve", target+":"+addrs[0].String())
	}
	return append(append(args, s.Flags...), s.Target())
}

// Covered lists, for every kind of finding that a scenario must produce, the
// names of those scenarios.
func Covered() map[finding.ID][]string {
	m := map[finding.ID][]string{}
	for _, e := range catalogue() {
		for _, id := range e.findings {
			m[id] = append(m[id], e.name)
		}
	}
	return m
}

// build is the work site of one scenario.
type build struct {
	l *Lab
	s *Scenario
	// ctx ends with the lab.
	ctx context.Context
}

// stop is how the helpers of a scenario end its building.
type stop struct{ err error }

func (b *build) run(make func(*build)) (err error) {
	ctx, cancel := context.WithCancel(context.Background())
	b.ctx = ctx
	b.l.closers = append(b.l.closers, cancel)
	defer func() {
		if v := recover(); v != nil {
			s, ok := v.(stop)
			if !ok {
				panic(v)
			}
			err = s.err
		}
	}()
	make(b)
	return nil
}

func (b *build) must(err error) {
	if err != nil {
		panic(stop{err})
	}
}

// url returns the address of a file of this scenario on the HTTP server.
func (b *build) url(file string) string { return b.l.BaseURL + "/" + b.s.Name + "/" + file }

// ca makes an intermediate for this scenario alone.
func (b *build) ca(parent *authority, what string, extra ...forge.Ext) *authority {
	return b.l.pki.intermediate(parent, "Assay Lab "+what+" CA for "+b.s.Name, nil, extra...)
}

// patience replaces the default time limits, so that a verdict does not depend
// on how busy the machine is.
const patience = time.Minute

// Config returns how to dial the scenario's server.
func (l *Lab) Config(s Scenario) tlsclient.Config {
	c := s.Client
	c.Host, c.Port, c.Input = s.Host, s.Port, s.Target()
	if c.Resolve == nil {
		c.Resolve = s.Resolve()
	}
	c.HandshakeTimeout = cmp.Or(s.Timeout, patience)
	c.ConnectTimeout = cmp.Or(c.ConnectTimeout, patience)
	return c
}
