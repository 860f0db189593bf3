package web

import (
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/assaytls/assay/fleet/watch"
	"github.com/assaytls/assay/internal/session"
	"github.com/assaytls/assay/internal/target"
)

// Settings say who may ask the service, and what. The zero Settings answer on
// loopback addresses alone, and check public addresses alone for those who ask.
type Settings struct {
	TokenFile  string   // with a token a line; "" is none
	TLSCert    string   // PEM, with its chain
	TLSKey     string   // "" is the same file
	UserHeader string   // in which a reverse proxy says who asks; it counts from Proxies alone
	Proxies    []string // CIDR: the addresses of reverse proxies
	Networks   []string // CIDR: what is checked besides public addresses for those who ask
	Hosts      []string // names by which the service is asked, besides localhost
	Requests   int      // of one client in a second; 0 is DefaultRequests
	Checks     int      // that one client may ask for in a minute; 0 is DefaultChecks
	CheckForm  string   // "on" or "off": the page on which people check any server; "" is on where nobody but this computer's users can ask
}

// The defaults of limits.
const (
	DefaultRequests = 100
	DefaultChecks   = 60
)

// Read reads the section `web` of a configuration; nil is one that is not there. What
// is wrong with it becomes a problem of the configuration. Files are looked for
// beside it.
func Read(n *watch.Node, dir string) (s Settings) {
	if n == nil {
		return s
	}
	file := func(to *string) func(*watch.Node) {
		return func(m *watch.Node) {
			if *to = m.Text(); *to != "" && !filepath.IsAbs(*to) {
				*to = filepath.Join(dir, *to)
			}
		}
	}
	networks := func(to *[]string) func(*watch.Node) {
		return func(m *watch.Node) {
			*to = m.Texts()
			if _, err := prefixes(*to); err != nil {
				m.Fail("%v", err)
			}
		}
	}
	n.Map(map[string]func(*watch.Node){
		"token-file": file(&s.TokenFile), "tls-cert": file(&s.TLSCert), "tls-key": file(&s.TLSKey),
		"user-header": func(m *watch.Node) {
			if s.UserHeader = m.Text(); !headerForm.MatchString(s.UserHeader) {
				m.Fail("it must be the name of a header, like X-Forwarded-User")
			}
		},
		"proxies": networks(&s.Proxies), "allow-networks": networks(&s.Networks),
		"hosts":             func(m *watch.Node) { s.Hosts = m.Texts() },
		"requests-a-second": func(m *watch.Node) { s.Requests = m.Int(1, 1_000_000) },
		"checks-a-minute":   func(m *watch.Node) { s.Checks = m.Int(1, 1_000_000) },
		"check-form":        func(m *watch.Node) { s.CheckForm = m.Word("on", "off") },
	})
	return s
}

var headerForm = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)

// prefixes reads networks. One that has bits beyond its length is somebody's mistake.
func prefixes(all []string) (networks []netip.Prefix, err error) {
	for _, text := range all {
		n, err := netip.ParsePrefix(text)
		if err != nil || n != n.Masked() || n.Addr().Is4In6() {
			return nil, fmt.Errorf("%q is not a network like 192.0.2.0/24", text)
		}
		networks = append(networks, n)
	}
	return networks, nil
}

// access is what Settings name, read.
type access struct {
	tokens   [][32]byte // SHA-256 of each
	cert     *tls.Certificate
	header   string
	proxies  []netip.Prefix
	networks []netip.Prefix
	hosts    map[string]bool
	loopback bool // nobody but this computer can connect
	// checkForm has people check any server. Beyond loopback somebody must want it: the
	// service then connects to wherever its users say.
	checkForm bool
}

// minToken is the length of the shortest token. A signature of a session could be
// used to try tokens, so a token must be more than a word.
const minToken = 24

const maxTokenFile = 1 << 20

// open reads the files that the settings name, and refuses those with which anybody
// could ask. address is what is listened on. The error is a *target.Usage.
func (s Settings) open(address string) (*access, error) {
	a := &access{hosts: map[string]bool{}, header: s.UserHeader}
	var err error
	if a.proxies, err = prefixes(s.Proxies); err != nil {
		return nil, target.Usagef("--proxies: %v", err)
	}
	if a.networks, err = prefixes(s.Networks); err != nil {
		return nil, target.Usagef("--allow-networks: %v", err)
	}
	for _, h := range s.Hosts {
		a.hosts[strings.ToLower(h)] = true
	}
	if a.header != "" && !headerForm.MatchString(a.header) {
		return nil, target.Usagef("--user-header %q: it must be the name of a header, like X-Forwarded-User", a.header)
	}
	if a.header != "" && len(a.proxies) == 0 {
		return nil, target.Usagef("--user-header %s: whose word counts?", a.header).Hint("name the reverse proxy's address: --proxies 192.0.2.1/32")
	}
	if s.TokenFile != "" {
		if a.tokens, err = readTokens(s.TokenFile); err != nil {
			return nil, target.Usagef("--token-file: %v", err)
		}
	}
	if s.TLSKey != "" && s.TLSCert == "" {
		return nil, target.Usagef("--tls-key needs --tls-cert")
	}
	if s.TLSCert != "" {
		key := s.TLSKey
		if key == "" {
			key = s.TLSCert
		}
		c, err := tls.LoadX509KeyPair(s.TLSCert, key)
		if err != nil {
			return nil, target.Usagef("--tls-cert %s: %v", s.TLSCert, err)
		}
		a.cert = &c
	}
	if err := a.fit(address); err != nil {
		return nil, err
	}
	a.checkForm = s.CheckForm == "on" || s.CheckForm == "" && a.loopback && len(a.proxies) == 0
	return a, nil
}

// fit refuses to listen where others could ask without being known, or be overheard.
func (a *access) fit(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return target.Usagef("--listen %s: it is like 127.0.0.1:8843", address)
	}
	ip, err := netip.ParseAddr(host)
	a.loopback = host == "localhost" || err == nil && ip.Unmap().IsLoopback()
	switch {
	case a.loopback:
		return nil
	case len(a.tokens) == 0 && a.header == "":
		return target.Usagef("--listen %s: others can connect to this address, and nothing says who may ask", address).
			Hint("--token-file FILE with a token, or --user-header and --proxies for a reverse proxy that knows its users").Hint("--listen 127.0.0.1:8843 answers this computer alone")
	case a.cert == nil && len(a.proxies) == 0:
		return target.Usagef("--listen %s: tokens would go over the network unencrypted", address).
			Hint("--tls-cert FILE and --tls-key FILE, or --proxies with the address of a reverse proxy that has them")
	}
	return nil
}

// readTokens reads a file with a token a line; # begins a comment.
func readTokens(name string) (all [][32]byte, err error) {
	st, err := os.Stat(name)
	if err != nil {
		return nil, plain(err)
	}
	if st.Mode().Perm()&0o007 != 0 {
		return nil, fmt.Errorf("%s can be read by others on this computer (chmod 600 %s)", name, name)
	}
	b, err := session.ReadFile(name, nil, maxTokenFile)
	if err != nil {
		return nil, err
	}
	for i, line := range strings.Split(string(b), "\n") {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if len(line) < minToken {
			return nil, fmt.Errorf("%s, line %d: a token has %d characters at least (openssl rand -hex 32 makes one)", name, i+1, minToken)
		}
		all = append(all, sha256.Sum256([]byte(line)))
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("there is no token in %s (openssl rand -hex 32 makes one)", name)
	}
	return all, nil
}

func plain(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", p.Path, p.Err)
	}
	return err
}
