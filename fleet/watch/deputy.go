package watch

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/session"
	"github.com/assaytls/assay/internal/target"
)

// Deputy makes checks for watches in other processes. The zero Deputy is ready to
// use, and safe for concurrent use.
type Deputy struct {
	Stderr   io.Writer // is told what does not change an answer; nil: nobody is
	CacheDir string    // "" is the user's

	engines   engines
	mu        sync.Mutex
	groups    map[Hash]*openGroup
	strangers map[string]*strangers
}

// openGroup is a group as this process has read its files.
type openGroup struct {
	group *ready
	at    time.Time
}

// The bounds of a Deputy.
const (
	maxOpened    = 100
	maxReach     = 20               // sets of networks
	readAgain    = 10 * time.Minute // files are read again after this
	readAgainOdd = 10 * time.Second // when they are not those of the watch
	maxErrand    = 2 * time.Minute  // one check
)

// Answer makes the check that question asks for, and returns the answer. Neither
// what it is asked nor what it meets makes it fail: whatever went wrong is in the answer.
func (d *Deputy) Answer(ctx context.Context, question []byte) []byte {
	r := d.answer(ctx, question)
	b, err := pack(r)
	if err != nil { // a report that is too long, which the one who asks cannot keep either
		b, err = pack(&reply{Version: errandVersion, Refused: "the report cannot be sent: " + err.Error()})
	}
	if err != nil {
		return nil // who asks cannot read it, and says so
	}
	return b
}

func (d *Deputy) answer(ctx context.Context, question []byte) (r *reply) {
	r = &reply{Version: errandVersion}
	defer func() {
		if p := recover(); p != nil { // one target's misfortune
			r = &reply{Version: errandVersion, Refused: fmt.Sprintf("the check ended in an error of assay's: %.200v", p)}
		}
	}()
	var e errand
	err := unpack(question, &e, maxQuestion)
	if err == nil && e.Version != errandVersion {
		err = errors.New("the question is of another version of assay")
	}
	if err != nil {
		r.Refused = err.Error()
		return r
	}
	limit, cancel := context.WithTimeout(ctx, min(maxErrand, time.Duration(max(e.Limit, 1))*time.Millisecond+grace))
	defer cancel()
	t, err := d.task(limit, &e)
	if err != nil {
		r.Refused = usageText(err)
		return r
	}
	o, err := t.run(limit)
	var u *target.Usage
	switch {
	case errors.As(err, &u):
		r.Usage, r.Hints = u.Msg, u.Hints
		return r
	case err != nil:
		r.Refused = err.Error()
		return r
	}
	r.Report, r.Resolved, r.Took = o.Report, o.Resolved, o.Took.Milliseconds()
	for _, s := range o.Servers {
		r.Servers = append(r.Servers, strings.TrimPrefix(s.Target, e.Target+" "))
	}
	return r
}

// task is an errand with everything that it needs.
func (d *Deputy) task(ctx context.Context, e *errand) (t task, err error) {
	t.Spec = Spec{Kind: e.Kind, Target: e.Target, Name: e.Name, Origin: e.Origin}
	t.Policy = e.Policy
	if e.Kind == CRL || e.Kind == OCSP {
		t.authority = &ca{issuer: cert.Parse(e.Issuer), serial: e.Serial, client: (&session.Network{MaxDownload: fetch.DefaultMaxBytes}).Client()}
		if len(t.authority.issuer.RawTBS) == 0 {
			return t, errors.New("the CA's certificate cannot be decoded")
		}
		return t, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if t.group, err = d.group(ctx, e); err != nil {
		return t, err
	}
	if e.Strangers && e.Origin == FromAPI {
		t.strangers, err = d.reach(ctx, e)
	}
	return t, err
}

// group is the group of an errand with its files read. They are read again now and
// then, and soon when they are not those of the watch.
func (d *Deputy) group(ctx context.Context, e *errand) (*ready, error) {
	text, err := json.Marshal(e.Settings)
	if err != nil {
		return nil, err
	}
	key := Hash(sha256.Sum256(text))
	one := d.groups[key]
	if one != nil && time.Since(one.at) < readAgain && (one.group.hashes() == e.Hashes || time.Since(one.at) < readAgainOdd) {
		return one.group, one.group.same(e.Hashes)
	}
	s, err := settingsOf(e.Settings)
	if err != nil {
		return nil, err
	}
	stderr := d.Stderr
	if stderr == nil {
		stderr = io.Discard
	}
	g, err := s.open(context.WithoutCancel(ctx), command.NewRun("assay", nil, io.Discard, stderr), &d.engines, d.CacheDir)
	if err != nil {
		return nil, err
	}
	if d.groups == nil || len(d.groups) >= maxOpened {
		d.groups = map[Hash]*openGroup{} // those that are asked about are soon here again
	}
	d.groups[key] = &openGroup{g, time.Now()}
	return g, g.same(e.Hashes)
}

// same wants the rules and the trust of the watch: what one target comes to must not
// depend on who looks.
func (g *ready) same(want hashes) error {
	const how = "the watch and its workers need the same files"
	switch have := g.hashes(); {
	case have.Rules != want.Rules:
		return fmt.Errorf("its policy is not the one of the watch; %s", how)
	case have.Anchors != want.Anchors:
		return fmt.Errorf("its trust anchors are not those of the watch; %s", how)
	case have.Logs != want.Logs:
		return fmt.Errorf("its list of CT logs is not the one of the watch; %s", how)
	}
	return nil
}

// reach is what strangers' checks share, for the networks of an errand.
func (d *Deputy) reach(ctx context.Context, e *errand) (*strangers, error) {
	key := fmt.Sprint(e.Networks)
	if one := d.strangers[key]; one != nil {
		return one, nil
	}
	one, err := newStrangers(context.WithoutCancel(ctx), e.Networks)
	if err != nil {
		return nil, err
	}
	if d.strangers == nil || len(d.strangers) >= maxReach {
		d.strangers = map[string]*strangers{}
	}
	d.strangers[key] = one
	return one, nil
}
