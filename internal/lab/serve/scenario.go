package serve

import (
	"cmp"
	"context"
	"maps"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/scenarios"
	"github.com/assaytls/assay/internal/tlsclient"
)

// Scenario is a scenario whose server runs.
type Scenario struct {
	scenarios.Scenario

	Host string // the name to ask for: a host name below scenarios.Domain, or an IP address
	Addr string // where it listens, "127.0.0.1:40123"
	Port string

	// Leaf is the certificate that the server presents and Chain what it sends
	// after it; nil where nothing speaks TLS.
	Leaf  []byte
	Chain [][]byte

	// Client holds what the dial needs besides the address: a proxy, STARTTLS,
	// a certificate. Lab.Config completes it.
	Client tlsclient.Config
	// LogList replaces the lab's log list; it is in LogListFile. nil: the lab's.
	LogList     []byte
	LogListFile string
	// Filters is the directory with the scenario's CRLite filters; "": none.
	Filters string
	// Tables are the scenario's tables of root programs, in TablesFile; nil: none.
	Tables     []byte
	TablesFile string
}

// makers start the servers, by the scenarios' names.
var makers = map[string]func(*build){}

func init() {
	for _, group := range []map[string]func(*build){goodServers, pathServers, x509errorsServers, revocationServers, filterServers, downloadServers, ctServers, ctAuditServers,
		connectionServers, wireServers, daneServers, programServers, hostileServers} {
		maps.Copy(makers, group)
	}
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

// Guide returns the arguments of the programs in docs/guides for the scenario, nil
// when they do not reach it: they speak TLS at once and go through no proxy. Go does
// not resolve the lab's names, so they get the address to connect to, and the name
// that the certificate must be for as an argument of its own.
func (l *Lab) Guide(s Scenario) []string {
	if s.Client.Proxy != "" || s.Client.StartTLS != "" {
		return nil
	}
	args := []string{"-roots", l.RootFile}
	if s.Filters != "" {
		args = append(args, "-filters", s.Filters)
	}
	if s.Resolve() != nil {
		args = append(args, "-name", s.Host)
	}
	return append(args, s.Addr)
}

// Assay returns the arguments of assay for the scenario.
func (l *Lab) Assay(s Scenario) []string {
	args := []string{"check", "--roots", l.RootFile, "--log-list", cmp.Or(s.LogListFile, l.LogListFile)}
	for target, addrs := range l.Config(s).Resolve {
		args = append(args, "--resolve", target+":"+addrs[0].String())
	}
	if s.Public {
		args = append(args, "--public-root", l.RootFile)
	}
	if s.Filters != "" {
		args = append(args, "--filters", s.Filters)
	}
	if s.TablesFile != "" {
		args = append(args, "--program-tables", s.TablesFile)
	}
	return append(append(args, s.Flags...), s.Target())
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

// Patience replaces the default time limits, so that a verdict does not depend
// on how busy the machine is.
const Patience = time.Minute

// Config returns how to dial the scenario's server.
func (l *Lab) Config(s Scenario) tlsclient.Config {
	c := s.Client
	c.Host, c.Port, c.Input, c.KeyTypes = s.Host, s.Port, s.Target(), tlsclient.KeysAll // as assay check does
	if c.Resolve == nil {
		c.Resolve = s.Resolve()
	}
	c.HandshakeTimeout = cmp.Or(s.Timeout, Patience)
	c.ConnectTimeout = cmp.Or(c.ConnectTimeout, Patience)
	return c
}
