package cli

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/render"
	"github.com/assaytls/assay/internal/session"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// shownSCTs is a list of SCTs in an object that is shown.
type shownSCTs struct {
	raw    []byte
	source report.SCTSource  // how they were delivered
	about  *cert.Certificate // the certificate that it came with, if known
	serial []byte            // or its serial number, if that is known
}

// showList is the log list to name logs by: the one asked for, or the stored
// one, without which show does as well.
func (a *app) showList(ctx context.Context, f *showFlags) (*ct.LogList, error) {
	logs := session.Logs{LogList: f.logList}
	stored := ""
	if dir, err := session.CacheDir(""); err == nil {
		stored = session.StoredLogList(dir)
	}
	l, err := logs.List(ctx, policy.CTReport, session.Downloads{}, stored)
	if err != nil && f.logList == "" {
		a.Warn(err)
		return nil, nil
	}
	return l, err
}

// maxPool bounds the certificates among which issuers are looked for.
const maxPool = 200

// showSCTs gives each object a row for each of its SCTs, verified as far as
// the certificates among the objects and the list allow.
func showSCTs(all []object, logs *ct.LogList, now time.Time) {
	var pool []*cert.Certificate
	for _, o := range all {
		if o.parsed != nil && len(pool) < maxPool {
			pool = append(pool, o.parsed)
		}
	}
	for i := range all {
		for _, l := range all[i].scts {
			all[i].Rows = append(all[i].Rows, l.rows(pool, logs, now)...)
		}
	}
}

// rows describes each SCT: log, operator, state, time, verification, index.
func (l shownSCTs) rows(pool []*cert.Certificate, logs *ct.LogList, now time.Time) (rows []render.Row) {
	add := func(text string) { rows = append(rows, render.Row{Label: "SCT", Value: text}) }
	scts, listErr := ct.ParseSCTList(l.raw)
	judged := l.judge(pool, logs, now)
	for i, raw := range scts {
		s, err := ct.ParseSCT(raw)
		switch {
		case err != nil:
			add("unreadable: " + err.Error())
		case s.Version != 0:
			add(fmt.Sprintf("of the unknown version %d", s.Version))
		case i < len(judged):
			add(sctText(judged[i]))
		default:
			add(sctText(unjudged(s, logs, now)))
		}
	}
	if listErr != nil {
		add("the list is damaged: " + listErr.Error())
	}
	return rows
}

// judge verifies the list for the certificate that it belongs to. A list of
// unknown origin belongs to the one for which most verifies.
func (l shownSCTs) judge(pool []*cert.Certificate, logs *ct.LogList, now time.Time) (best []report.SCT) {
	if logs == nil {
		return nil
	}
	most := 0
	for _, c := range pool {
		switch {
		case l.about != nil && c != l.about, l.serial != nil && !bytes.Equal(c.Serial, l.serial):
			continue
		}
		in := ct.Input{Path: pathIn(pool, c), List: logs, Time: now}
		if l.source != report.SCTEmbedded {
			in.Delivered = []ct.SCTList{ct.ReadSCTList(0, l.source, l.raw)}
		}
		got := slices.DeleteFunc(ct.CheckSCTs(in).CT.SCTs, func(s report.SCT) bool { return s.Cert != 0 || s.Source != l.source })
		valid := 0
		for _, s := range got {
			if s.Status == report.SCTValid {
				valid++
			}
		}
		if known := l.about != nil || l.serial != nil; valid > most || known && best == nil {
			best, most = got, valid
		}
	}
	return best
}

// pathIn returns c and its issuers, as far as they are in the pool.
func pathIn(pool []*cert.Certificate, c *cert.Certificate) []*cert.Certificate {
	path := []*cert.Certificate{c}
	for len(path) < 4 {
		i := slices.IndexFunc(pool, func(x *cert.Certificate) bool {
			return x.Subject.Canon == c.Issuer.Canon && c.VerifySignatureFrom(nil, x.Key) == nil
		})
		if i < 0 || slices.Contains(path, pool[i]) {
			break
		}
		c = pool[i]
		path = append(path, c)
	}
	return path
}

// unjudged is an SCT without a certificate or without a list to verify it with.
func unjudged(s ct.SCT, logs *ct.LogList, now time.Time) report.SCT {
	out := report.SCT{LogID: base64.StdEncoding.EncodeToString(s.LogID[:]), Time: s.Time(), Status: report.SCTUnverified, Detail: "no log list"}
	if i, ok := s.LeafIndex(); ok {
		out.LeafIndex = &i
	}
	if logs == nil {
		return out
	}
	l := logs.Lookup(s.LogID)
	if l == nil {
		out.Status, out.Detail = report.SCTUnknownLog, ""
		return out
	}
	state, _ := l.StateAt(now)
	out.Log, out.Operator, out.State = l.Description, l.OperatorAt(s.Time()), string(state)
	out.Detail = "no certificate at hand for which it is valid"
	return out
}

// sctText is the line about one SCT.
func sctText(s report.SCT) string {
	text := "log " + s.LogID
	if s.Log != "" {
		text = s.Log
	}
	for _, v := range []string{s.Operator, s.State} {
		if v != "" {
			text += ", " + v
		}
	}
	text += ", " + command.When(s.Time)
	switch s.Status {
	case report.SCTValid, report.SCTInvalid:
		text += ", " + string(s.Status)
	case report.SCTUnknownLog:
		text += ", not verified: the log is not in the list"
	default:
		text += ", not verified"
	}
	if s.Detail != "" {
		text += ": " + s.Detail
	}
	if s.LeafIndex != nil {
		text += fmt.Sprintf(", leaf index %d", *s.LeafIndex)
	}
	return text
}
