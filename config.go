package assay

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// Config says what to check. The zero Config is safe; every field documents
// its zero value. A Config is copied by New and may be reused.
type Config struct {
	// Roots are the trust anchors, DER, one certificate for each entry. nil means
	// Anchors, or the system's, which others replace. It is an error to give roots
	// here and in the base tls.Config.
	Roots [][]byte
	// Anchors are the trust anchors in PEM, in files and directories, and the
	// system's beside them, in place of Roots. Zero: none, so that Roots or the
	// system's count.
	Anchors Anchors

	// Trust is whose roots decide. Zero: those of Roots, Anchors or the system. If it
	// is a root program, a root counts that the program's table has, by the SHA-256 of
	// its certificate, and of which the certificate is at hand: in Roots, Anchors or the
	// system's, which then trust nobody by themselves, or in Mozilla's, which come with
	// this package. The program's conditions for the root count too: dates, SCTs, names.
	// What cannot be told refuses: Chrome's dates need LogList, and a table older than
	// 400 days accepts nothing. Roots in the base tls.Config are an error then, and so
	// is [Verifier.ServerConfig], for root programs decide about servers.
	Trust policy.Program
	// RootPrograms are the tables of root programs in assay's own JSON, as `assay
	// update programs` stores them. nil: those that are built in, which age.
	RootPrograms []byte
	// Strict applies RFC 5280's MUSTs that most clients overlook
	// (X509_V_FLAG_X509_STRICT and more). Zero: off.
	Strict bool
	// SecurityLevel is OpenSSL's security level: how many bits of security every key
	// and hash must have, RSA keys among them. Zero: assay's own default, RSA from
	// 2048 bits, no SHA-1, no MD5.
	SecurityLevel policy.SecurityLevel
	// MinRSA is the smallest RSA modulus accepted, in bits, 512 to 16384; it says
	// nothing of other keys. Beside a SecurityLevel both must be met. Alone it takes
	// the place of 2048, smaller ones too. 0 means 2048, or what SecurityLevel asks.
	MinRSA int
	// NoWildcards refuses servers' certificates that match by a wildcard only.
	// Zero: off. In handshakes the name is the tls.Config's ServerName.
	NoWildcards bool
	// RequireDNS and RequireIP are the names and addresses that every peer's certificate
	// must have in its subjectAltName, each of them, beside the name that crypto/tls
	// compares: the address of a server that is dialled by name, for example, or the
	// name of the clients of a server. nil: none. For one peer of several use
	// [Verifier.With].
	RequireDNS []string
	// RequireIP is likewise. nil: none.
	RequireIP []netip.Addr

	// Schemes are the revocation schemes to use and their order. Zero: all;
	// policy.Off turns revocation off.
	Schemes policy.Schemes
	// Depth says whose revocation is checked. Zero: every certificate's.
	Depth policy.Depth
	// Unknown says what a revocation status that cannot be had means.
	// Zero: UnknownWarn.
	Unknown Unknown
	// MaxAge bounds the age of revocation data, counted from thisUpdate.
	// 0 means as long as it says itself, at most 10 days where it does not.
	MaxAge time.Duration
	// Skew is the clock difference allowed for CRLs and OCSP responses: they are
	// used from Skew before thisUpdate until Skew after nextUpdate. At most 24 h;
	// 0 means 5 min. It does not concern certificates.
	Skew time.Duration

	// Network says when downloads happen. Zero: FirstContact.
	Network Network
	// FetchBudget bounds all downloads of one judgement. 0 means 3 s.
	FetchBudget time.Duration
	// PrivateFetch lets downloads connect to private and loopback addresses
	// whatever the peer's own address. Zero: only when the peer was dialled at
	// such an address by this package. Link-local and cloud metadata addresses
	// are refused always.
	PrivateFetch bool
	// CloseGrace is how long Close waits for running downloads. 0 means 2 s.
	CloseGrace time.Duration

	// CT is what is asked of Certificate Transparency. Zero: SCTs are reported.
	// All but that and policy.CTOff need LogList. The browsers' policies apply
	// below publicly trusted roots: Mozilla's, by key, and PublicRoots. Below
	// others nothing is enforced.
	CT policy.CTMode
	// PublicRoots are DER certificates that count as publicly trusted too. Listing
	// a certificate here does not make it trusted. nil: Mozilla's alone.
	PublicRoots [][]byte
	// LogList is a log list in the public v3 JSON format. nil: SCTs are
	// shown, not verified.
	LogList []byte

	// Allow are findings that warn instead of refusing, by ID. Only kinds that
	// assay adds to crypto/tls's verification and that the table marks as
	// allowable may be named: never revoked, chain, name, signature or budget. nil: none.
	Allow []finding.ID

	// CRLFiles are files with CRLs in PEM or DER, as servers have them that verify
	// client certificates. Such a CRL is judged like one that was downloaded: it counts
	// for the issuer whose key signed it, until its nextUpdate, and is not trusted. If
	// the files have no answer about a certificate, downloads and Unknown decide.
	//
	// Assay looks at the files once a second and reads a file again when its time, size
	// or inode has changed. A new CRL counts at once, and closes connections whose peer
	// it revokes (see OnRevoked). A CRL that was read stays until a later edition of it
	// has proved authentic. So nothing is lost if a file is missing, cut, forged, too
	// large or older than before; Logger says so. After its nextUpdate a CRL that stays
	// refuses the certificates of its issuer. New returns an error if a file is missing
	// or bad. Limits: 64 MiB for each file, 256 CRLs and 512 MiB in all. nil: none.
	CRLFiles []string
	// CRLDirs are directories. Every file counts that holds CRLs and whose name does
	// not begin with a dot; all else is as in CRLFiles. nil: none.
	CRLDirs []string

	// CacheDir is a directory, private to the user, that keeps revocation
	// data across processes. "" keeps it in memory only. One that others own or
	// may write to is refused; on Windows that is not checked, so it has to be
	// in the user's profile (os.UserCacheDir).
	CacheDir string

	// Cache is a store of the application's, such as Redis or an object store, that
	// services share. It is asked for a CRL, an OCSP response or a certificate that is
	// not at hand before the network is, and is given what has proved authentic. nil:
	// none.
	Cache Cache

	// Filters are CRLite filters and OneCRL, which are asked before CRLs and
	// responders are. Zero: none.
	Filters Filters

	// KnownKeyTables makes a table for each ECDSA key of an issuer or a log, on P-256 or
	// P-384, from its eighth use on: a signature by it then takes a third, or a seventh,
	// of the time. For programs that check many servers; what crypto/tls itself verifies
	// in handshakes is as ever. The tables take 52 KiB a key, or 116, and 32 MiB in all.
	// Their code is assay's own. What a table refuses and one in 1,000 that it accepts
	// crypto/ecdsa is asked too; if the two ever disagree, the judgements under way refuse
	// and no table is used any more. In FIPS 140-3 mode there are none. Zero: off,
	// crypto/ecdsa alone.
	KnownKeyTables bool

	// Verify is called after validation and before the connection is used, on
	// resumption too, with copies of what is known. Its findings have IDs that
	// begin with "x-". It can add and refuse, never remove; an error or a
	// panic refuses. nil: none. It must be safe for concurrent use.
	Verify func(context.Context, *evidence.Evidence, *report.Report) ([]finding.Finding, error)

	// Observe is shown the report of every judgement, a copy with all its facts:
	// of each handshake, accepted or refused and remembered ones too, before the
	// connection is used, and of Check and Judge. It changes no verdict, but the
	// handshake waits for it and a panic refuses. What crypto/tls refuses before
	// assay is asked is not among them: see [Verifier.Explain]. nil: none. It must
	// be safe for concurrent use.
	Observe func(context.Context, *report.Report)

	// OnRevoked is told when a revocation was learnt after which a connection that
	// had been accepted is accepted no longer, once for each peer: the report is
	// what Error has then, and names the peer. Connections made by Dial, DialContext,
	// Handshake and Transport have been closed by then, and those of a server that
	// ServerConfig made, over TCP or Unix sockets. Those that others dialled with a
	// config of ClientConfig are the application's to close; 4096 peers are
	// remembered, in 32 MiB. The context ends with Close. nil: nobody is told. It is
	// called on a goroutine of its own and must be safe for concurrent use.
	OnRevoked func(context.Context, *report.Report)

	// Logger receives a line for every refusal and warning; peer text in it is
	// quoted. nil: no log.
	Logger *slog.Logger

	// rootPool is Roots for crypto/tls.
	rootPool *x509.CertPool
}

// clone copies what the caller could change later.
func (c Config) clone() Config {
	c.Allow = slices.Clone(c.Allow)
	c.RequireDNS, c.RequireIP = slices.Clone(c.RequireDNS), slices.Clone(c.RequireIP)
	c.CRLFiles, c.CRLDirs = slices.Clone(c.CRLFiles), slices.Clone(c.CRLDirs)
	c.Roots, c.Anchors = slices.Clone(c.Roots), c.Anchors.clone()
	for i, der := range c.Roots {
		c.Roots[i] = slices.Clone(der)
	}
	return c
}

// Unknown sets what happens when no revocation status could be obtained (not asked
// yet, unreachable, tryLater, not cached). It changes findings of class
// revocation-unavailable and no others.
type Unknown int

// The choices.
const (
	UnknownWarn  Unknown = iota // pass, with a warning
	UnknownAllow                // pass in silence
	UnknownDeny                 // refuse
)

// policy is the same choice as a rule.
func (u Unknown) policy() policy.Unknown {
	switch u {
	case UnknownWarn:
		return policy.UnknownWarn
	case UnknownAllow:
		return policy.UnknownAllow
	}
	return policy.UnknownDeny
}

// String returns "warn", "allow" or "deny".
func (u Unknown) String() string { return u.policy().String() }

// Network says when downloads happen, and what a handshake waits for. The wait is
// FetchBudget at most.
type Network int

// The choices. Whatever is known to be revoked refuses in each of them.
const (
	// FirstContact waits for what this Verifier has not had yet: at the first
	// connection to a server, after a day without one, and when what it had has
	// ended. From then on it uses what it had and has it confirmed beside the
	// handshake. What could not be had is for Unknown to weigh, and is asked for
	// again in the next handshake that the memory of failures allows (1 to 10 min).
	FirstContact Network = iota
	// Background never waits: what is missing is fetched beside the handshake, for
	// the next one. A first connection knows the staple and the cache alone.
	Background
	// Inline waits for whatever is missing or older than an hour.
	Inline
	// Offline downloads nothing: staples and the cache only.
	Offline
)

// String returns "first-contact", "background", "inline" or "offline".
func (n Network) String() string {
	if n < FirstContact || n > Offline {
		return "Network(" + strconv.Itoa(int(n)) + ")"
	}
	return [...]string{"first-contact", "background", "inline", "offline"}[n]
}

// beside reports whether what is missing or old is fetched beside the handshake.
func (n Network) beside() bool { return n == FirstContact || n == Background }

// Web is the profile for programs that run long and talk to public servers: the
// zero Config. Each first connection waits for revocation data, FetchBudget (3 s) at
// most; later ones wait for nobody. What cannot be had is a warning.
func Web() Config { return Config{} }

// OneShot is the profile for programs that make a few connections and end: every
// connection is a first one, which waits 10 s at most, and what is downloaded and
// learnt is kept in cacheDir for the next run ("" keeps nothing). What cannot be
// had is a warning.
func OneShot(cacheDir string) Config {
	return Config{CacheDir: cacheDir, FetchBudget: 10 * time.Second}
}

// Internal is the profile for services of one's own PKI: roots (DER) are the
// only anchors, a handshake waits for revocation data that is missing or older than
// an hour, from private addresses too, and a status that cannot be had refuses.
// Without roots New refuses.
func Internal(roots [][]byte) Config {
	if roots == nil {
		roots = [][]byte{} // nil would mean the system's
	}
	return Config{Roots: roots, Unknown: UnknownDeny, Network: Inline, PrivateFetch: true}
}

// HardFail is the profile that refuses whatever is not proven: RFC 5280 to the
// letter, fetches in the handshake, unknown status denied.
func HardFail() Config {
	return Config{Strict: true, Unknown: UnknownDeny, Network: Inline}
}
