package cli

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/learnt"
	"github.com/assaytls/assay/internal/render"
	"github.com/assaytls/assay/internal/session"
	"github.com/assaytls/assay/internal/store"
	"github.com/assaytls/assay/policy"
)

// openLearnt reads what was learnt; damage is what cannot be read of it.
func openLearnt(s *store.Store) (set *learnt.Set, damage []error) {
	set = learnt.New(learnt.Options{Store: s, Warn: func(err error) { damage = append(damage, err) }})
	set.List() // reads it
	return set, damage
}

func (a *app) cacheLearntCommand() *cobra.Command {
	var dir string
	format := formatText
	c := &cobra.Command{
		Use: "learnt", Short: "List the revocations that are remembered", Args: command.NoArgs,
		Long: `List the revocations that checks have seen proved, the latest first. Their
certificates are refused until they expire, even when no source can be asked or
none says revoked any more; those on hold, as long as the hold's statement is
current. "assay cache forget" lifts one.`,
		RunE: func(*cobra.Command, []string) error {
			s, err := openCache(dir)
			if err != nil {
				return err
			}
			set, damage := openLearnt(s)
			for _, d := range damage {
				a.Warn(d)
			}
			if format == formatJSON {
				return render.Value(a.Stdout, learntItems(set.List()), true)
			}
			return a.learntTable(set.List())
		},
	}
	flags.Under(c, "Output").Word(&format, "format", "form of the answer", formatText, formatJSON)
	session.AddCacheDir(c, &dir)
	return c
}

// learntItem is an entry for programs.
type learntItem struct {
	Serial    string        `json:"serial"`
	Cert      string        `json:"cert_sha256"`
	Issuer    string        `json:"issuer"`
	IssuerKey string        `json:"issuer_key_sha256"`
	RevokedAt time.Time     `json:"revoked_at,omitzero"`
	Reason    string        `json:"reason,omitempty"`
	Hold      bool          `json:"hold,omitempty"`
	Old       bool          `json:"old,omitempty"` // the statement was past its time when it was seen
	Scheme    policy.Scheme `json:"scheme"`
	URL       string        `json:"url,omitempty"`
	Anchor    string        `json:"anchor_key_sha256"`
	Learnt    time.Time     `json:"learnt"`
	Until     time.Time     `json:"until,omitzero"`
}

func learntItems(entries []evidence.Learnt) []learntItem {
	out := []learntItem{}
	for _, l := range entries {
		name, _ := cert.ParseName(l.Issuer)
		out = append(out, learntItem{hex.EncodeToString(l.Serial), l.Cert.String(), name.String(), l.IssuerKey.String(), l.RevokedAt.UTC(), l.Reason, l.Hold, l.Old,
			l.Scheme, l.URL, l.Anchor.String(), l.Learnt.UTC(), l.Until.UTC()})
	}
	return out
}

func (a *app) learntTable(entries []evidence.Learnt) error {
	var b bytes.Buffer
	for _, it := range learntItems(entries) {
		reason := it.Reason
		if reason == "" {
			reason = "no reason given"
		}
		fmt.Fprintf(&b, "%s  revoked %s (%s)\n", it.Serial, command.When(it.RevokedAt), finding.Quote(reason))
		fmt.Fprintf(&b, "  issuer  %s\n", finding.Quote(it.Issuer))
		source := it.Scheme.String()
		if it.URL != "" {
			source += " " + finding.Quote(it.URL)
		}
		if it.Old {
			source += ", past its time when it was seen"
		}
		fmt.Fprintf(&b, "  learnt  %s from %s\n", command.When(it.Learnt), source)
		fmt.Fprintf(&b, "  until   %s\n", command.When(it.Until))
	}
	fmt.Fprintf(&b, "%s remembered\n", command.Counted(len(entries), "revocation is", "revocations are"))
	_, err := a.Stdout.Write(b.Bytes())
	return err
}

func (a *app) cacheForgetCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use: "forget SERIAL|HASH...", Short: "Lift revocations that are remembered",
		Long: `Lift what is remembered about the certificates with these serial numbers, or
with these SHA-256 fingerprints, in hex. Use it when the authority has withdrawn
a revocation that was a mistake. Other processes forget it too. A source that
still says revoked is believed as before. The exit status is 1 when nothing is
remembered about one of them.`,
		Example: "  assay cache forget 4a:5b:6c\n  assay cache learnt",
		Args:    command.MinArgs(1, "a serial number or a SHA-256"),
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := openCache(dir)
			if err != nil {
				return err
			}
			set, damage := openLearnt(s)
			for _, d := range damage {
				a.Warn(d)
			}
			for _, arg := range args {
				n, err := set.Forget(arg)
				if err != nil {
					return usagef("%v", err)
				}
				if n == 0 {
					a.Status = command.Worse(a.Status, command.Reject)
				}
				if _, err := fmt.Fprintf(a.Stdout, "%s: %d forgotten\n", command.QuoteLines(arg), n); err != nil {
					return err
				}
			}
			return nil
		},
	}
	session.AddCacheDir(c, &dir)
	return c
}
