package resolver

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// The types that dnsmessage knows no bodies of.
const typeTLSA = 52

// The bounds of one answer.
const (
	maxAnswers = 256 // records of the answer section that are read
	maxAliases = 16
)

var (
	errOther   = errors.New("an answer to another question")
	errAliases = errors.New("the CNAME records lead in a circle, or through too many names")
)

// question is a question on its way.
type question struct {
	id   uint16
	name dnsmessage.Name
	typ  dnsmessage.Type
	wire []byte
}

// answer is what a resolver said.
type answer struct {
	code      string
	ad        bool
	truncated bool
	aliases   []string // that CNAME records led to
	data      [][]byte // RDATA of the records of the last name
}

// newQuestion asks for the records of a type, and whether DNSSEC was checked.
func newQuestion(id uint16, name string, qtype uint16) (*question, error) {
	n, err := dnsmessage.NewName(strings.ToLower(strings.TrimSuffix(name, ".")) + ".")
	if err != nil {
		return nil, fmt.Errorf("%q is not a name of the DNS", name)
	}
	q := &question{id: id, name: n, typ: dnsmessage.Type(qtype)}
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: id, RecursionDesired: true, AuthenticData: true}, // RFC 6840, 5.7
		Questions: []dnsmessage.Question{{Name: n, Type: q.typ, Class: dnsmessage.ClassINET}},
	}
	var edns dnsmessage.ResourceHeader
	if err := edns.SetEDNS0(1232, dnsmessage.RCodeSuccess, false); err != nil {
		return nil, err
	}
	m.Additionals = []dnsmessage.Resource{{Header: edns, Body: &dnsmessage.OPTResource{}}}
	q.wire, err = m.Pack()
	if err != nil {
		return nil, fmt.Errorf("%q is not a name of the DNS", name)
	}
	return q, nil
}

// codes are the names of response codes.
var codes = map[dnsmessage.RCode]string{dnsmessage.RCodeSuccess: "NOERROR", dnsmessage.RCodeFormatError: "FORMERR", dnsmessage.RCodeServerFailure: "SERVFAIL",
	dnsmessage.RCodeNameError: "NXDOMAIN", dnsmessage.RCodeNotImplemented: "NOTIMP", dnsmessage.RCodeRefused: "REFUSED"}

// read reads an answer to q. The error says that it is none.
func (q *question) read(wire []byte) (*answer, error) {
	var p dnsmessage.Parser
	h, err := p.Start(wire)
	if err != nil {
		return nil, fmt.Errorf("an answer that cannot be read: %w", err)
	}
	if !h.Response || h.ID != q.id {
		return nil, errOther
	}
	asked, err := p.Question()
	if err != nil || !strings.EqualFold(asked.Name.String(), q.name.String()) || asked.Type != q.typ || asked.Class != dnsmessage.ClassINET {
		return nil, errOther
	}
	if _, err := p.Question(); err != dnsmessage.ErrSectionDone {
		return nil, errOther
	}
	a := &answer{code: codes[h.RCode], ad: h.AuthenticData, truncated: h.Truncated}
	if a.code == "" {
		a.code = fmt.Sprintf("RCODE%d", h.RCode)
	}
	if a.truncated {
		return a, nil
	}
	err = q.answers(&p, a)
	return a, err
}

// answers reads the answer section: the aliases, and the records of the name
// that they lead to. What belongs to other names is passed over.
func (q *question) answers(p *dnsmessage.Parser, a *answer) error {
	aliases, records := map[string]string{}, map[string][][]byte{}
	for n := 0; ; n++ {
		h, err := p.AnswerHeader()
		if err == dnsmessage.ErrSectionDone {
			break
		}
		if err != nil || n >= maxAnswers {
			return fmt.Errorf("an answer that cannot be read, or has more than %d records", maxAnswers)
		}
		owner := text(h.Name)
		switch {
		case h.Class != dnsmessage.ClassINET:
			err = p.SkipAnswer()
		case h.Type == dnsmessage.TypeCNAME:
			var c dnsmessage.CNAMEResource
			if c, err = p.CNAMEResource(); err == nil {
				aliases[owner] = text(c.CNAME)
			}
		case h.Type == q.typ:
			var data []byte
			if data, err = rdata(p, q.typ); err == nil {
				records[owner] = append(records[owner], data)
			}
		default:
			err = p.SkipAnswer()
		}
		if err != nil {
			return fmt.Errorf("an answer that cannot be read: %w", err)
		}
	}
	name := text(q.name)
	for {
		next, ok := aliases[name]
		if !ok {
			break
		}
		if name = next; len(a.aliases) == maxAliases {
			return errAliases
		}
		a.aliases = append(a.aliases, strings.ToValidUTF8(name, "?"))
	}
	a.data = records[name]
	return nil
}

// rdata returns the data of the record that comes next, names in it whole.
func rdata(p *dnsmessage.Parser, typ dnsmessage.Type) ([]byte, error) {
	switch typ {
	case dnsmessage.TypeA:
		r, err := p.AResource()
		return r.A[:], err
	case dnsmessage.TypeAAAA:
		r, err := p.AAAAResource()
		return r.AAAA[:], err
	case dnsmessage.TypeMX:
		r, err := p.MXResource()
		return append([]byte{byte(r.Pref >> 8), byte(r.Pref)}, text(r.MX)...), err
	case dnsmessage.TypeSRV:
		r, err := p.SRVResource()
		return append([]byte{byte(r.Priority >> 8), byte(r.Priority), byte(r.Weight >> 8), byte(r.Weight), byte(r.Port >> 8), byte(r.Port)}, text(r.Target)...), err
	}
	r, err := p.UnknownResource()
	return r.Data, err
}

// text is a name in lower case, without the final dot; "" is the root.
func text(n dnsmessage.Name) string {
	return strings.ToLower(strings.TrimSuffix(n.String(), "."))
}
