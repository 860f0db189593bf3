package evidence

import "time"

// DNS is what a resolver that the user named said about the server: its TLSA
// records (RFC 6698), and how its name was found.
type DNS struct {
	Resolver string  `json:"resolver"` // as the user named it: "127.0.0.1:53", "tls://192.0.2.1:853"
	Channel  Channel `json:"channel"`  // how it was reached
	// Lookups are the questions in the order in which they were asked; for TLSA
	// records one for each candidate base domain, the preferred one first (RFC
	// 7671, 7).
	Lookups []Lookup `json:"lookups,omitempty"`
	// Service is the record that named the server; nil when the user did.
	Service *Service `json:"service,omitempty"`
}

// Channel says how a resolver was reached. Only what it says over loopback or
// TLS is the resolver's own word; the zero Channel is neither.
type Channel string

// The channels.
const (
	ChannelPlain    Channel = "plain"
	ChannelLoopback Channel = "loopback"
	ChannelTLS      Channel = "tls"
)

// Private reports whether nobody between the resolver and us can have written
// its answers.
func (c Channel) Private() bool { return c == ChannelLoopback || c == ChannelTLS }

// Lookup is one question and its answer.
type Lookup struct {
	Name    string        `json:"name"`              // asked for, in lower case, without the final dot
	Type    string        `json:"type"`              // "A", "AAAA", "TLSA", "MX", "SRV"
	Code    string        `json:"code,omitempty"`    // the response code: "NOERROR", "NXDOMAIN", "SERVFAIL"; "" without an answer
	AD      bool          `json:"ad,omitempty"`      // the resolver says that it verified the answer by DNSSEC
	Aliases []string      `json:"aliases,omitempty"` // the names that CNAME records led to, the last one has the data
	Data    [][]byte      `json:"data,omitempty"`    // the records' RDATA; of A and AAAA the addresses
	Base    string        `json:"base,omitempty"`    // of TLSA: the base domain
	Failure string        `json:"failure,omitempty"` // why there is no answer; "" otherwise
	Took    time.Duration `json:"took,omitempty"`    // until the answer was there
}

// Failed reports whether the question was not answered: neither with records
// nor with the word that there are none.
func (l *Lookup) Failed() bool {
	return l.Failure != "" || l.Code != "NOERROR" && l.Code != "NXDOMAIN"
}

// Final is the name that has the data: what aliases lead to.
func (l *Lookup) Final() string {
	if n := len(l.Aliases); n > 0 {
		return l.Aliases[n-1]
	}
	return l.Name
}

// Service is the MX or SRV record by which the server was found.
type Service struct {
	Type   string `json:"type"`           // "MX" or "SRV"
	Name   string `json:"name"`           // whose record it is: "example.com", "_imaps._tcp.example.com"
	Domain string `json:"domain"`         // the domain whose service it is: "example.com"
	Order  int    `json:"order"`          // preference or priority, the lowest first
	Secure bool   `json:"secure"`         // the record was verified by DNSSEC, by a resolver whose word counts
	Port   string `json:"port,omitempty"` // of SRV
}

const maxLookups, maxRecords = 32, 128

func (v *validator) dns(d *DNS) {
	if d == nil {
		return
	}
	v.text("dns.resolver", d.Resolver)
	v.oneOf("dns.channel", string(d.Channel), string(ChannelPlain), string(ChannelLoopback), string(ChannelTLS))
	v.count("dns.lookups", len(d.Lookups), maxLookups)
	for _, l := range d.Lookups {
		v.text("dns.lookups.name", l.Name)
		v.text("dns.lookups.base", l.Base)
		v.text("dns.lookups.code", l.Code)
		v.text("dns.lookups.failure", l.Failure)
		v.oneOf("dns.lookups.type", l.Type, "A", "AAAA", "TLSA", "MX", "SRV")
		v.count("dns.lookups.aliases", len(l.Aliases), maxRecords)
		v.count("dns.lookups.data", len(l.Data), maxRecords)
		for _, a := range l.Aliases {
			v.text("dns.lookups.aliases", a)
		}
		for _, b := range l.Data {
			v.require(len(b) <= 1<<16, "dns.lookups.data has a record of %d bytes", len(b))
		}
		v.duration("dns.lookups.took", l.Took)
	}
	if s := d.Service; s != nil {
		v.oneOf("dns.service.type", s.Type, "MX", "SRV")
		v.text("dns.service.name", s.Name)
		v.text("dns.service.domain", s.Domain)
		v.text("dns.service.port", s.Port)
		v.require(s.Order >= 0 && s.Order < 1<<16, "dns.service.order is out of range")
	}
}
