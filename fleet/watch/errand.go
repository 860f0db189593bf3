package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/jsonbound"
	"github.com/assaytls/assay/internal/target"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// errandVersion changes when an older process would misread a question or an answer.
const errandVersion = 1

// errand is a check as another process is asked for it: everything that the check
// depends on, except the contents of files, which that process reads under the same
// names. The hashes say whether it came to the same rules and trust.
type errand struct {
	Version   int                 `json:"version"`
	Kind      Kind                `json:"kind"`
	Target    string              `json:"target"`
	Name      string              `json:"name"`
	Origin    Origin              `json:"origin"`
	Settings  []setting           `json:"settings,omitempty"`
	Policy    map[string][]string `json:"policy,omitempty"`   // that was asked for
	Networks  []netip.Prefix      `json:"networks,omitempty"` // that strangers reach
	Strangers bool                `json:"strangers"`          // they may ask at all
	Issuer    []byte              `json:"issuer,omitempty"`   // the certificate of a CA of one's own
	Serial    []byte              `json:"serial,omitempty"`
	Hashes    hashes              `json:"hashes"`
	Limit     int64               `json:"limit"` // milliseconds
}

// hashes name the rules and the trust of a group.
type hashes struct {
	Rules   Hash `json:"rules"`
	Anchors Hash `json:"anchors"`
	Logs    Hash `json:"logs"`
}

// reply is what came of an errand.
type reply struct {
	Version  int            `json:"version"`
	Refused  string         `json:"refused,omitempty"` // why that process cannot make the check
	Usage    string         `json:"usage,omitempty"`   // why nobody can
	Hints    []string       `json:"hints,omitempty"`
	Report   *report.Report `json:"report,omitempty"`
	Servers  []string       `json:"servers,omitempty"` // HOST:PORT, as the DNS names them
	Resolved bool           `json:"resolved,omitempty"`
	Took     int64          `json:"took"` // milliseconds
}

// The bounds of errands, in octets of JSON and compressed.
const (
	maxQuestion = 4 << 20
	maxPacked   = 8 << 20
	maxValues   = 1_000_000 // of JSON
)

func (g *ready) hashes() (h hashes) {
	h.Rules, h.Anchors = g.rules.Hash(), g.trust.Anchors.Hash()
	if g.trust.LogList != nil {
		h.Logs = g.trust.LogList.Hash()
	}
	return h
}

// errand is the task as somebody else is asked for it.
func (t task) errand(limit time.Duration) errand {
	s := t.Spec
	e := errand{Version: errandVersion, Kind: s.Kind, Target: s.Target, Name: s.Name, Origin: s.Origin, Policy: t.Policy, Limit: limit.Milliseconds()}
	if t.authority != nil {
		e.Issuer, e.Serial = t.authority.issuer.Raw, t.authority.serial
		return e
	}
	e.Settings, e.Hashes = t.group.given, t.group.hashes()
	if t.strangers != nil && s.Origin == FromAPI {
		e.Strangers, e.Networks = true, t.strangers.networks
	}
	return e
}

// refusals are the processes that may refuse a check before it is given up.
const refusals = 3

// elsewhere has somebody else make the check. The error is a *target.Usage or
// ErrUnmade.
func (t task) elsewhere(ctx context.Context, carry func(context.Context, []byte) ([]byte, error)) (o Outcome, err error) {
	limit := checkLimit
	if t.group != nil {
		limit = t.group.limit()
	}
	question, err := pack(t.errand(limit))
	if err != nil {
		return o, fmt.Errorf("%w: %w", ErrUnmade, err)
	}
	var last error
	for range refusals {
		answer, err := carry(ctx, question)
		if err != nil {
			if !errors.Is(err, ErrUnmade) {
				err = fmt.Errorf("%w: %w", ErrUnmade, err)
			}
			return o, err
		}
		var r reply
		if err := unpack(answer, &r, maxReport+maxQuestion); err != nil {
			return o, fmt.Errorf("%w: the answer cannot be read: %w", ErrUnmade, err)
		}
		if o, err = t.read(&r); err == nil || !errors.Is(err, errRefused) {
			return o, err
		}
		last = err
	}
	return o, last
}

// errRefused says that who was asked does not have what the check needs.
var errRefused = fmt.Errorf("%w: a worker cannot make it", ErrUnmade)

// read makes of a reply what the check came to. What it says of others than the target
// is not believed.
func (t task) read(r *reply) (o Outcome, err error) {
	s := t.Spec
	switch {
	case r.Version != errandVersion:
		return o, fmt.Errorf("%w: it is of another version of assay", errRefused)
	case r.Refused != "":
		return o, fmt.Errorf("%w: %s", errRefused, finding.Quote(clip(r.Refused)))
	case r.Usage != "":
		u := target.Usagef("%s", finding.Quote(clip(r.Usage)))
		for _, h := range r.Hints[:min(len(r.Hints), 3)] {
			u = u.Hint("%s", finding.Quote(clip(h)))
		}
		return o, u
	case r.Report == nil || r.Report.Version != report.Version:
		return o, fmt.Errorf("%w: it sent no report", errRefused)
	case len(r.Servers) > 0 && s.Kind != Service || len(r.Servers) > maxNamed:
		return o, fmt.Errorf("%w: it sent too many servers", errRefused)
	}
	if err := sound(r.Report, 1); err != nil {
		return o, fmt.Errorf("%w: %w", errRefused, err)
	}
	report.Decide(r.Report) // the verdict is what its findings come to, whatever was sent
	o = Outcome{Report: r.Report, Took: time.Duration(max(r.Took, 0)) * time.Millisecond, Resolved: r.Resolved && s.Kind == Service}
	for _, server := range r.Servers {
		host, port, err := net.SplitHostPort(server)
		if err != nil || policy.CheckHost(host) != nil || !onlyDigits(port) {
			return Outcome{}, fmt.Errorf("%w: it named a server that is none", errRefused)
		}
		o.Servers = append(o.Servers, t.group.serverOf(s, server))
	}
	return o, nil
}

func onlyDigits(s string) bool { return s != "" && len(s) <= 5 && strings.Trim(s, "0123456789") == "" }

// sound wants a report whose parts refer to each other and to nothing else, as those
// do that the engine makes.
func sound(r *report.Report, also int) error {
	broken := errors.New("its report refers to parts that it does not have")
	known := func(i, n int) bool { return i >= -1 && i < n }
	if !known(r.Chosen, len(r.Paths)) {
		return broken
	}
	for _, i := range r.Sent {
		if !known(i, len(r.Certs)) {
			return broken
		}
	}
	for _, c := range r.Checks {
		if !known(c.Cert, len(r.Certs)) {
			return broken
		}
	}
	for _, p := range r.Paths {
		for _, pc := range p.Certs {
			if !known(pc.Cert, len(r.Certs)) {
				return broken
			}
		}
	}
	switch {
	case r.AlsoServes == nil:
		return nil
	case also == 0:
		return broken
	}
	return sound(r.AlsoServes, also-1)
}

var codec = sync.OnceValues(func() (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<18), zstd.WithLowerEncoderMem(true))
})

// pack is v as JSON, compressed.
func pack(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	if len(b) > maxReport+maxQuestion {
		return nil, fmt.Errorf("it has %d octets", len(b))
	}
	z, err := codec()
	if err != nil {
		return nil, err
	}
	if b = z.EncodeAll(b, make([]byte, 0, len(b)/3)); len(b) > maxPacked {
		return nil, fmt.Errorf("it has %d octets, compressed", len(b))
	}
	return b, nil
}

// unpack reads what pack wrote, up to so many octets of JSON.
func unpack(b []byte, v any, most int) error {
	if len(b) > maxPacked {
		return fmt.Errorf("it has %d octets, compressed", len(b))
	}
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(most)), zstd.WithDecoderLowmem(true))
	if err != nil {
		return err
	}
	defer d.Close()
	text, err := d.DecodeAll(b, nil)
	if err != nil {
		return err
	}
	if err := jsonbound.Check(text, maxValues); err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}
