package house

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The import rules of the house. A package may import, of ours, only what its
// row names (non-test files); "" is the root package. A package without a row
// may not exist; a row may wait for its package.
var allowed = map[string][]string{
	"finding":                {},
	"internal/der":           {},
	"internal/store":         {},
	"internal/sig/known":     {"internal/sig/known/fiat"},
	"internal/bounded":       {},
	"internal/jsonbound":     {},
	"internal/watched":       {},
	"internal/house":         {},
	"policy":                 {"finding"},
	"evidence":               {"finding", "policy", "internal/jsonbound"},
	"internal/fetch":         {"finding"},
	"report":                 {"finding", "policy"},
	"internal/sig":           {"internal/bounded", "internal/der", "internal/sig/known"},
	"cert":                   {"finding", "internal/bounded", "internal/der", "internal/sig"},
	"cert/bundle":            {"finding", "internal/der", "internal/sig", "internal/jsonbound", "cert"},
	"internal/papers":        {"finding", "cert", "internal/der"},
	"programs":               {"finding", "policy", "cert", "internal/jsonbound"},
	"certpath":               judges,
	"crl":                    judges,
	"ocsp":                   judges,
	"crlite":                 judges,
	"ct":                     judges,
	"internal/revocation":    join(judges, "evidence", "certpath", "crl", "ocsp", "crlite"),
	"internal/assemble":      pure,
	"internal/tlsnames":      {},
	"internal/dane":          join(judges, "evidence", "certpath"),
	"internal/resolver":      {"evidence"},
	"internal/tlsclient":     {"finding", "evidence", "internal/der", "internal/tlsnames"},
	"internal/roots":         {"certpath", "cert", "cert/bundle"},
	"internal/download":      {"finding", "policy", "internal/bounded", "internal/fetch", "internal/store", "cert", "cert/bundle", "crl", "ocsp", "crlite", "ct"},
	"internal/filters":       {"crlite", "internal/store"},
	"internal/rootstores":    {"policy", "cert", "programs", "internal/der", "internal/sig"},
	"internal/learnt":        {"finding", "policy", "evidence", "cert", "internal/store"},
	"internal/secondopinion": pure,
	"internal/engine":        core,
	"":                       join(core, "internal/engine", "internal/watched"),
	"internal/probe":         join(core, "internal/engine"),
	"internal/render":        {"finding", "report"},
	"internal/page":          {"finding", "report", "internal/render"},
	"internal/target":        rimOfCore,
	"internal/flags":         join(rimOfCore, "internal/target"),
	"internal/containers":    rimOfCore,
	"internal/command":       {"finding", "report", "internal/render", "internal/target", "internal/flags"},
	"internal/session":       join(core, "internal/engine", "internal/target", "internal/flags", "internal/containers", "internal/command", "internal/resolver"),
	"cmd/assay":              {"internal/cli"},

	"internal/rootstores/generate": {"internal/rootstores"},

	"internal/sig/known/fiat": {},
}

// judges is what the judges of one artefact may import.
var judges = []string{"finding", "report", "cert", "policy", "internal/der", "internal/sig", "internal/jsonbound"}

// core is what the engine stands on.
var core = join(pure, "internal/tlsclient", "internal/fetch", "internal/store", "internal/roots", "internal/download", "internal/learnt", "internal/secondopinion", "internal/filters", "internal/rootstores")

// rimOfCore is what the readers of people's words and files may import.
var rimOfCore = join(pure, "internal/tlsclient", "internal/roots")

func join(row []string, more ...string) []string { return slices.Concat(row, more) }

// anything lists the trees without a row of their own, and what they may not import.
var anything = map[string][]string{
	"internal/lab":   {"internal/cli"},
	"internal/bench": {"internal/cli"},
	"internal/cli":   {},
}

// pure packages neither do I/O nor know the time.
var pure = []string{"policy", "finding", "report", "evidence", "cert", "cert/bundle", "certpath", "crl", "ocsp", "crlite", "ct", "programs",
	"internal/bounded", "internal/der", "internal/jsonbound", "internal/sig", "internal/sig/known", "internal/sig/known/fiat", "internal/revocation", "internal/tlsnames", "internal/assemble", "internal/papers", "internal/dane"}

var notPure = []string{"net", "net/http", "os", "os/exec", "syscall", "unsafe", "crypto/tls", "math/rand", "math/rand/v2"}

// ownParsing are the packages that must not lean on Go's own X.509 parsing.
var ownParsing = []string{"cert", "cert/bundle", "certpath", "crl", "ocsp", "crlite", "ct", "programs", "internal/der", "internal/sig", "internal/sig/known", "internal/sig/known/fiat",
	"internal/revocation", "internal/assemble", "internal/papers", "internal/dane"}

// thirdParty are the modules the core may use; all others stay at the rim.
var thirdParty = []string{"filippo.io/mldsa", "golang.org/x/crypto/cryptobyte", "golang.org/x/crypto/chacha20poly1305", "golang.org/x/mod/sumdb",
	"golang.org/x/crypto/x509roots/fallback/bundle", "golang.org/x/net/idna", "golang.org/x/net/dns/dnsmessage", "golang.org/x/net/http/httpproxy", "golang.org/x/sys"}

var rim = []string{"internal/cli", "internal/command", "internal/session", "internal/flags", "internal/containers", "internal/lab", "internal/bench"}

func TestImportRules(t *testing.T) {
	for _, f := range sources(t) {
		for _, imp := range f.file.Imports {
			p, _ := strconv.Unquote(imp.Path.Value)
			if why := refused(f, p); why != "" {
				t.Errorf("%s imports %s: %s", f.name, p, why)
			}
		}
	}
}

// refused says why a file may not import p, "" if it may. Modules of their own
// may import anything but the command line.
func refused(f parsed, p string) string {
	if f.ownModule {
		if p == module+"/internal/cli" {
			return "the command line is nobody's library"
		}
		return ""
	}
	pkg := f.pkg
	if p == module || strings.HasPrefix(p, module+"/") {
		return refusedOurs(pkg, strings.TrimPrefix(strings.TrimPrefix(p, module), "/"))
	}
	if slices.Contains(pure, pkg) && slices.Contains(notPure, p) {
		return "the package is pure"
	}
	if slices.Contains(ownParsing, pkg) && (p == "crypto/x509" || p == "encoding/asn1") {
		return "parsing is ours"
	}
	if strings.Contains(strings.SplitN(p, "/", 2)[0], ".") && !under(pkg, rim) && !underAny(p, thirdParty) {
		return "third-party modules stay at the rim"
	}
	return ""
}

func refusedOurs(pkg, p string) string {
	if row, ok := allowed[pkg]; ok {
		if slices.Contains(row, p) {
			return ""
		}
		return "not in its row of the import table"
	}
	for tree, not := range anything {
		if pkg == tree || strings.HasPrefix(pkg, tree+"/") {
			if slices.Contains(not, p) {
				return "not allowed there"
			}
			return ""
		}
	}
	return "the package has no row in the import table"
}

func under(pkg string, trees []string) bool { return underAny(pkg, trees) }

func underAny(p string, trees []string) bool {
	return slices.ContainsFunc(trees, func(t string) bool { return p == t || strings.HasPrefix(p, t+"/") })
}
