package assay

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"

	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/roots"
)

// Anchors are trust anchors as people have them; all that is set counts together.
// An *x509.CertPool is not among them: it cannot be read back. The zero Anchors
// name none.
type Anchors struct {
	// System adds the system's. Without it the others replace them.
	System bool
	// PEM holds certificates in PEM; other blocks in it are passed over.
	PEM []byte
	// Files are PEM bundles or single DER certificates, Dirs directories in which
	// every file counts, OpenSSL's hashed directories too. One that is missing, or
	// holds no certificate, is an error. They are read once, but for Watch: see
	// [Verifier.WithAnchors].
	Files, Dirs []string
	// Watch, of Config.Anchors, reads Files and Dirs again when they have changed,
	// which is looked for once a second. When they have come to rest and all of them
	// can be read, they take the place of the old anchors; until then the old ones stay,
	// and Logger says why. From then on all judgements are made under the new anchors,
	// and no acceptance or session that was made under the old ones is used. A connection
	// whose anchor is not among the new ones is closed, as OnRevoked describes, and so
	// is refused a handshake of a config that has the old ones. Dial, Handshake and
	// Transport trust the new ones at once. So does a config that
	// [Verifier.ServerConfig] makes of one that its base's GetConfigForClient returns.
	// All other configs of ClientConfig and ServerConfig do not trust what was added:
	// make new ones.
	Watch bool
}

// named reports whether a names any.
func (a *Anchors) named() bool {
	return a.System || a.PEM != nil || len(a.Files)+len(a.Dirs) > 0
}

// WithAnchors returns a Verifier that trusts a instead and shares all else with v:
// rules, access, hooks, caches, and what is remembered and learnt, each acceptance
// under the anchors that it was made under. It is how anchors are renewed without a
// restart: when files have changed, make one, and dial with it from then on. On an
// error nothing has changed. Connections that are open, and configs that
// [Verifier.ClientConfig] and [Verifier.ServerConfig] have made, keep the old
// anchors. Closing one Verifier closes both.
func (v *Verifier) WithAnchors(a Anchors) (*Verifier, error) {
	if v.core == nil {
		return nil, ErrClosed
	}
	if a.Watch {
		return nil, errors.New("assay: Anchors.Watch is for Config.Anchors: what WithAnchors is given is read once")
	}
	w := &Verifier{core: v.core, conf: v.conf}
	w.conf.Roots, w.conf.Anchors, w.conf.rootPool = nil, a.clone(), nil
	if !a.named() {
		return nil, errors.New("assay: the Anchors name none: nothing could be trusted")
	}
	anchors, err := w.anchors()
	if err != nil {
		return nil, fmt.Errorf("assay: %w", err)
	}
	w.trust = &engine.Trust{Anchors: anchors, LogList: v.trust.LogList, Filters: v.trust.Filters, Lists: v.trust.Lists, Public: v.trust.Public, Programs: v.trust.Programs, Known: v.trust.Known}
	w.under = trustHash(w.trust, w.conf.PublicRoots)
	if err := w.judgeBy(v.policy); err != nil {
		return nil, fmt.Errorf("assay: %w", err)
	}
	return w, nil
}

func (a Anchors) clone() Anchors {
	a.PEM, a.Files, a.Dirs = bytes.Clone(a.PEM), slices.Clone(a.Files), slices.Clone(a.Dirs)
	return a
}

// anchors loads the trust anchors, and the pool that crypto/tls gets when they are
// not the system's alone.
func (v *Verifier) anchors() (*certpath.Anchors, error) {
	c := &v.conf
	switch {
	case c.Anchors.named() && len(c.Roots) > 0:
		return nil, errors.New("there are trust anchors in both Config.Roots and Config.Anchors")
	case c.Anchors.named():
	case c.Roots == nil:
		return roots.Load(roots.Options{})
	case len(c.Roots) == 0:
		return nil, errors.New("Config.Roots is empty but not nil: nothing could be trusted")
	}
	anchors := certpath.NewAnchors()
	c.rootPool = x509.NewCertPool()
	if c.Anchors.System {
		var err error
		if anchors, err = roots.Load(roots.Options{}); err != nil {
			return nil, err
		}
		if c.rootPool, err = x509.SystemCertPool(); err != nil {
			return nil, fmt.Errorf("Config.Anchors.System: %w", err)
		}
	}
	for i, der := range c.Roots {
		if err := c.trustToo(anchors, der); err != nil {
			if bytes.Contains(der, []byte("-----BEGIN ")) {
				err = errors.New("it is PEM, not DER: give it as Config.Anchors.PEM, or decode it with encoding/pem")
			}
			return nil, fmt.Errorf("Config.Roots[%d]: %w", i, err)
		}
	}
	if c.Anchors.PEM != nil {
		n := 0
		for block, rest := pem.Decode(c.Anchors.PEM); block != nil; block, rest = pem.Decode(rest) {
			if block.Type != "CERTIFICATE" {
				continue
			}
			if err := c.trustToo(anchors, block.Bytes); err != nil {
				return nil, fmt.Errorf("Config.Anchors.PEM: certificate %d: %w", n+1, err)
			}
			n++
		}
		if n == 0 {
			return nil, errors.New("Config.Anchors.PEM holds no certificate")
		}
	}
	ders, err := roots.Named(roots.Options{Files: c.Anchors.Files, Dirs: c.Anchors.Dirs})
	if err != nil {
		return nil, err
	}
	for _, der := range ders {
		// Bundles hold certificates that crypto/x509 does not read. They are not
		// trusted, and the rest of the bundle is.
		if err := c.trustToo(anchors, der); err != nil && c.Logger != nil {
			c.Logger.Warn("assay: a certificate of Config.Anchors is not trusted", "error", finding.Quote(err.Error()))
		}
	}
	if anchors.Len() == 0 && !c.Anchors.System {
		return nil, errors.New("Config.Anchors hold no certificate that crypto/x509 can read")
	}
	return anchors, nil
}

// trustToo adds a certificate to the anchors and to crypto/tls's pool.
func (c *Config) trustToo(anchors *certpath.Anchors, der []byte) error {
	x, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	if err := anchors.Add(der); err != nil {
		return err
	}
	c.rootPool.AddCert(x)
	return nil
}
