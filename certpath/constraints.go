package certpath

import (
	"strings"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
)

// Name constraints, RFC 5280, 4.2.1.10 and 6.1.3 (b), (c). The constraints of
// a CA are indexed once, so that a name costs as many lookups as it has labels,
// however many subtrees there are.

// maxViolations is how many violations one CA's constraints are reported for
// on one certificate.
const maxViolations = 5

// nameConstraints checks every certificate below each constraining one.
// Self-issued certificates other than the leaf are exempt.
func (j *judgement) nameConstraints(limits *AnchorConstraints) {
	top := len(j.chain) - 1
	for i := top; i > 0; i-- {
		if nc := j.chain[i].NameConstraints; nc != nil {
			j.constrain(i, nc)
		}
	}
	if limits != nil && limits.Names != nil {
		j.constrain(top, limits.Names)
	}
}

// constrain checks what stands below certificate at against nc.
func (j *judgement) constrain(at int, nc *cert.NameConstraints) {
	k := j.constrainer(nc)
	if k == nil {
		return
	}
	ca := ""
	for i := at - 1; i >= 0; i-- {
		if i > 0 && j.chain[i].SelfIssued() {
			continue
		}
		n := 0
		j.eachName(j.chain[i], func(f form, text string, name *cert.GeneralName) bool {
			v := k.check(f, text, name)
			if v.id == "" {
				return true
			}
			if ca == "" {
				ca = j.chain[at].Subject.String()
			}
			fd := finding.New(v.id, "ca", ca, "form", f.String(), "name", showName(text, name), "constraint", v.constraint)
			if v.id == finding.NameConstraintBad || v.id == finding.NameConstraintRange {
				j.addOnce(at, fd)
			} else {
				j.add(i, fd)
			}
			n++
			return n < maxViolations
		})
	}
}

func showName(text string, name *cert.GeneralName) string {
	if name == nil || name.Type != cert.DirectoryName && name.Type != cert.IPName {
		return text
	}
	return name.String()
}

// addOnce adds a finding unless one of its kind and form is there.
func (j *judgement) addOnce(i int, f finding.Finding) {
	for _, have := range j.out[i] {
		if have.ID == f.ID && have.Param("form") == f.Param("form") {
			return
		}
	}
	j.add(i, f)
}

// eachName calls check with every name of c that constraints may speak of,
// until it returns false or the budget ends.
func (j *judgement) eachName(c *cert.Certificate, check func(form, string, *cert.GeneralName) bool) {
	each := func(f form, text string, name *cert.GeneralName) bool {
		return j.step(1+len(text)/16) && check(f, text, name)
	}
	if !c.Subject.Empty() || c.Subject.Canon != "" {
		if !each(dirForm, "", &cert.GeneralName{Type: cert.DirectoryName, Dir: c.Subject}) {
			return
		}
	}
	for _, rdn := range c.Subject.RDNs {
		for _, a := range rdn {
			if a.OID == "1.2.840.113549.1.9.1" && !each(emailForm, a.Value, nil) {
				return
			}
		}
	}
	for i := range c.SAN {
		n := &c.SAN[i]
		f, text := form(n.Type), n.Value
		if n.Type == cert.OtherName && n.Value == cert.OIDSmtpUTF8Mailbox {
			// RFC 9598, 6: constraints on rfc822Name apply, beside those on otherName.
			if !each(f, text, n) {
				return
			}
			f, text = emailForm, "\x00"
			if t, ok := utf8Mailbox(n); ok {
				text = t
			}
		}
		if !each(f, text, n) {
			return
		}
	}
}

// form is a kind of name: the tag of GeneralName.
type form int

const (
	emailForm = form(cert.EmailName)
	dnsForm   = form(cert.DNSName)
	dirForm   = form(cert.DirectoryName)
	uriForm   = form(cert.URIName)
	ipForm    = form(cert.IPName)
	forms     = 9
)

func (f form) String() string { return cert.NameType(f).String() }

// violation is what a name does wrong; an empty id means nothing.
type violation struct {
	id         finding.ID
	constraint string
}

// constrainer is the constraints of one CA, indexed.
type constrainer struct {
	nc                  *cert.NameConstraints
	permitted, excluded [forms]*subtrees // nil for a form that is not constrained
	trouble             [forms]violation // what is wrong with the constraints of a form
}

// constrainer indexes nc, once per call; nil when the budget ends.
func (w *worker) constrainer(nc *cert.NameConstraints) *constrainer {
	for i := range w.names {
		if w.names[i].nc == nc {
			return &w.names[i]
		}
	}
	if !w.step(len(nc.Permitted) + len(nc.Excluded)) {
		return nil
	}
	k := constrainer{nc: nc}
	for _, list := range []struct {
		trees []cert.Subtree
		into  *[forms]*subtrees
	}{{nc.Permitted, &k.permitted}, {nc.Excluded, &k.excluded}} {
		for i := range list.trees {
			t := &list.trees[i]
			f := t.Base.Type
			if f < 0 || int(f) >= forms {
				continue
			}
			if list.into[f] == nil {
				list.into[f] = new(subtrees)
			}
			v := list.into[f].add(t)
			if v.id == "" && (t.Minimum != 0 || t.Maximum != -1) {
				v = violation{finding.NameConstraintRange, t.Base.Value}
			}
			if v.id != "" {
				k.trouble[f] = v
			}
		}
	}
	w.names = append(w.names, k)
	return &w.names[len(w.names)-1]
}

// check judges one name. Of a form whose constraints cannot be understood no
// name is allowed.
func (k *constrainer) check(f form, text string, name *cert.GeneralName) violation {
	if f < 0 || f >= forms {
		return violation{finding.NameFormUnsupported, ""}
	}
	permitted, excluded := k.permitted[f], k.excluded[f]
	if permitted == nil && excluded == nil {
		return violation{}
	}
	if k.trouble[f].id != "" {
		return k.trouble[f]
	}
	subject, ok := readName(f, text, name)
	if !ok {
		return violation{finding.ConstrainedNameBad, ""}
	}
	if excluded != nil {
		if by, hit := excluded.covers(f, subject, true); hit {
			return violation{finding.NameExcluded, by}
		}
	}
	if permitted != nil {
		if _, hit := permitted.covers(f, subject, false); !hit {
			return violation{finding.NameNotPermitted, ""}
		}
	}
	return violation{}
}

// subject is a name in the form in which it is compared.
type subject struct {
	host     string // DNS name, host of a mailbox or URI: lower case
	wildcard bool   // of a DNS name; host is what follows "*."
	local    string // of a mailbox
	name     *cert.GeneralName
}

// readName reads a name for comparison; ok is false when it is malformed.
func readName(f form, text string, name *cert.GeneralName) (s subject, ok bool) {
	s.name = name
	switch f {
	case dnsForm:
		s.host, s.wildcard = strings.CutPrefix(strings.TrimSuffix(text, "."), "*.")
		s.host = lower(s.host)
		return s, validDomain(s.host)
	case emailForm:
		at := strings.LastIndexByte(text, '@')
		if at <= 0 || strings.ContainsAny(text[:at], "@\" \x00") {
			return s, false
		}
		s.local, s.host = text[:at], lower(text[at+1:])
		return s, validHost(s.host)
	case uriForm:
		s.host, ok = uriHost(text)
		return s, ok
	case ipForm:
		return s, name.IP.IsValid()
	case dirForm:
		return s, !strings.HasPrefix(name.Dir.Canon, "\x00")
	}
	return s, false
}

// validDomain is validHost without the rule about the last label: constraints
// and names may be inside reverse zones and the like.
func validDomain(s string) bool { return validHost(s + ".x") }

// uriHost returns the host of a URI in lower case. A URI without authority or
// whose host is an address cannot be compared (RFC 5280, 4.2.1.10).
func uriHost(uri string) (string, bool) {
	colon := strings.IndexByte(uri, ':')
	if colon <= 0 || !strings.HasPrefix(uri[colon:], "://") {
		return "", false
	}
	host := uri[colon+3:]
	if end := strings.IndexAny(host, "/?#"); end >= 0 {
		host = host[:end]
	}
	if at := strings.LastIndexByte(host, '@'); at >= 0 {
		host = host[at+1:]
	}
	if port := strings.LastIndexByte(host, ':'); port >= 0 {
		if strings.Trim(host[port+1:], "0123456789") != "" {
			return "", false
		}
		host = host[:port]
	}
	host = lower(strings.TrimSuffix(host, "."))
	return host, validHost(host)
}

// subtrees are the bases of one form.
type subtrees struct {
	all     bool                // a base that covers every name
	exact   map[string]struct{} // domain with what is below; for e-mail and URI the host alone
	below   map[string]struct{} // only what is below the domain
	parents map[string]struct{} // one label above an entry of exact or below: what a wildcard there would cover
	boxes   map[string]struct{} // mailboxes, host in lower case
	folded  map[string]struct{} // mailboxes all in lower case
	ranges  map[ipRange]struct{}
	lengths [2][]int // of ranges: prefix lengths in use for IPv4, IPv6
	dirs    map[string]cert.Name
	dirLens []int // lengths of the keys of dirs
}

func put(m *map[string]struct{}, key string) {
	if *m == nil {
		*m = make(map[string]struct{})
	}
	(*m)[key] = struct{}{}
}

// add takes in one base; the violation says why it cannot be understood.
func (t *subtrees) add(tree *cert.Subtree) violation {
	base := &tree.Base
	bad := violation{finding.NameConstraintBad, base.Value}
	switch base.Type {
	case cert.DNSName:
		return t.addDomain(base.Value)
	case cert.EmailName, cert.URIName:
		return t.addHost(base.Value, base.Type == cert.EmailName)
	case cert.IPName:
		if !tree.Prefix.IsValid() {
			bad.constraint = hexID(base.Bytes)
			return bad
		}
		t.addRange(tree.Prefix)
	case cert.DirectoryName:
		if strings.HasPrefix(base.Dir.Canon, "\x00") {
			bad.constraint = hexID(base.Dir.Raw)
			return bad
		}
		if t.dirs == nil {
			t.dirs = make(map[string]cert.Name)
		}
		t.dirs[base.Dir.Canon] = base.Dir
		t.dirLens = insert(t.dirLens, len(base.Dir.Canon))
	default:
		return violation{finding.NameFormUnsupported, base.Value}
	}
	return violation{}
}

func (t *subtrees) addDomain(base string) violation {
	if base == "" {
		t.all = true
		return violation{}
	}
	domain, below := strings.CutPrefix(lower(strings.TrimSuffix(base, ".")), ".")
	if !validDomain(domain) {
		return violation{finding.NameConstraintBad, base}
	}
	if below {
		put(&t.below, domain)
	} else {
		put(&t.exact, domain)
		if dot := strings.IndexByte(domain, '.'); dot >= 0 {
			put(&t.parents, domain[dot+1:])
		}
	}
	return violation{}
}

// addHost takes a base for e-mail or URI: a host, a domain with a leading
// period, for e-mail also one mailbox.
func (t *subtrees) addHost(base string, mail bool) violation {
	text := lower(base)
	if at := strings.LastIndexByte(base, '@'); mail && at >= 0 {
		if at == 0 || strings.ContainsAny(base[:at], "@\" \x00") || !validHost(text[at+1:]) {
			return violation{finding.NameConstraintBad, base}
		}
		put(&t.boxes, base[:at+1]+text[at+1:])
		put(&t.folded, text)
		return violation{}
	}
	domain, below := strings.CutPrefix(text, ".")
	switch {
	case !validHost(domain):
		return violation{finding.NameConstraintBad, base}
	case below:
		put(&t.below, domain)
	default:
		put(&t.exact, domain)
	}
	return violation{}
}

// covers reports whether a base covers the name, and which. touch asks whether
// a wildcard could stand for a covered name; else whether all that it stands
// for is covered.
func (t *subtrees) covers(f form, s subject, touch bool) (string, bool) {
	switch f {
	case dnsForm:
		return t.coversDomain(s, touch)
	case emailForm, uriForm:
		if f == emailForm {
			box := s.local + "@" + s.host
			if _, ok := t.boxes[box]; ok {
				return box, true
			}
			// In the subject, case means nothing (RFC 5280, 4.1.2.6).
			if _, ok := t.folded[lower(box)]; ok && touch && s.name == nil {
				return lower(box), true
			}
		}
		if _, ok := t.exact[s.host]; ok {
			return s.host, true
		}
		for host := s.host; ; {
			dot := strings.IndexByte(host, '.')
			if dot < 0 {
				return "", false
			}
			host = host[dot+1:]
			if _, ok := t.below[host]; ok {
				return "." + host, true
			}
		}
	case ipForm:
		return t.coversIP(s.name.IP)
	case dirForm:
		for _, n := range t.dirLens {
			if n > len(s.name.Dir.Canon) {
				break
			}
			if base, ok := t.dirs[s.name.Dir.Canon[:n]]; ok {
				return "the directory name " + base.String(), true
			}
		}
	}
	return "", false
}

func (t *subtrees) coversDomain(s subject, touch bool) (string, bool) {
	if t.all {
		return "every name", true
	}
	// A wildcard's names are all one label below host, so a base that covers
	// host with what is below, or only what is below host, covers them.
	if _, ok := t.below[s.host]; ok && s.wildcard {
		return "." + s.host, true
	}
	for host := s.host; ; {
		if _, ok := t.exact[host]; ok {
			return host, true
		}
		dot := strings.IndexByte(host, '.')
		if dot < 0 {
			break
		}
		host = host[dot+1:]
		if _, ok := t.below[host]; ok {
			return "." + host, true
		}
	}
	if s.wildcard && touch {
		if _, ok := t.parents[s.host]; ok {
			return "a name below " + s.host, true
		}
	}
	return "", false
}
