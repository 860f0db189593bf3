package sink

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// Row is one target's result: the report in one line, and how it was had.
type Row struct {
	report.Row

	Position int           // in its batch, from 0
	Input    string        // the target as the list had it; "" when it is Target
	Address  string        // IP address and port that answered, or that was tried last; "" when there was none
	Started  time.Time     // when the first attempt began, UTC; kept to the millisecond
	Elapsed  time.Duration // of all attempts together, without the waits between them; kept to the millisecond
	Attempts int           // probes, 0 for a target that was skipped
	Skipped  Skip          // why the target was not probed; "" when it was
	Failure  string        // what kept a target from being probed or judged, for people; quoted and cut

	// Sources says for each certificate of Revocation which source its status
	// comes from: "staple", "crlite", "crl", "ocsp", "learnt", "" for none.
	Sources []string

	Evidence EvidenceState // whether the evidence of this row was kept
}

// Skip is the reason why a target was not probed. The empty one says that it
// was.
type Skip string

// The reasons for which a target is not probed.
const (
	SkipExcluded Skip = "excluded"        // by --exclude
	SkipSpecial  Skip = "special-purpose" // its address is none of the public Internet's
	SkipBroken   Skip = "broken"          // probing it failed again and again, for reasons of assay's own; Failure says which
)

// EvidenceState says whether evidence was kept for a row. The empty one says
// that none was asked for.
type EvidenceState string

// The states of a row's evidence.
const (
	EvidenceKept    EvidenceState = "kept"
	EvidenceDropped EvidenceState = "dropped" // it was asked for and is too large
)

// The most octets of a row's texts, and entries of its lists.
const (
	maxTarget   = 300
	maxInput    = 512
	maxText     = 1024
	maxWord     = 64
	maxIDs      = 256
	maxSources  = 16
	maxPrograms = 64
	maxCount    = 1 << 30
)

// check says what in the row cannot be stored. Rows come from workers on other
// machines: what steers a terminal or breaks a table is refused here, once.
func (r *Row) check() error {
	texts := []struct {
		field, text string
		most        int
	}{
		{"target", r.Target, maxTarget}, {"input", r.Input, maxInput}, {"address", r.Address, maxWord}, {"title", r.Title, maxText},
		{"failure", r.Failure, maxText}, {"headline", string(r.Headline), maxWord}, {"headline_role", string(r.HeadlineRole), maxWord},
		{"ct", string(r.CT), maxWord}, {"protocol", r.Protocol, maxWord}, {"skipped", string(r.Skipped), maxWord}, {"evidence", string(r.Evidence), maxWord},
	}
	for _, t := range texts {
		if err := checkText(t.field, t.text, t.most); err != nil {
			return err
		}
	}
	for _, ids := range [][]finding.ID{r.Errors, r.Inconclusive, r.Warnings, r.Infos} {
		if len(ids) > maxIDs {
			return fmt.Errorf("%d kinds of findings, at most %d can be stored", len(ids), maxIDs)
		}
		for _, id := range ids {
			if err := checkText("finding", string(id), maxWord); err != nil {
				return err
			}
		}
	}
	if len(r.Revocation) > maxSources || len(r.Sources) > maxSources {
		return fmt.Errorf("more than %d certificates in a row", maxSources)
	}
	for _, s := range r.Revocation {
		if err := checkText("revocation", string(s), maxWord); err != nil {
			return err
		}
	}
	for _, s := range r.Sources {
		if err := checkText("sources", s, maxWord); err != nil {
			return err
		}
	}
	for _, answer := range answers(&r.Programs) {
		switch *answer {
		case "", report.RowAccepted, report.RowAcceptedUntil, report.RowDependsOnSCTs, report.RowRefused, report.RowCannotTell:
		default:
			return errors.New("a root program has an answer that is none")
		}
	}
	switch {
	case r.Target == "":
		return errors.New("no target")
	case r.Version != report.RowVersion:
		return fmt.Errorf("version %d of rows, this program stores version %d", r.Version, report.RowVersion)
	case r.Verdict != report.Accept && r.Verdict != report.Reject && r.Verdict != report.Inconclusive:
		return errors.New("no verdict")
	case r.Skipped != "" && r.Verdict != report.Inconclusive:
		return errors.New("a target that was not probed has a verdict")
	case r.Position < 0 || r.Attempts < 0 || r.Attempts > maxCount || r.More < 0 || r.More > maxCount || r.Elapsed < 0:
		return errors.New("a number is out of range")
	case r.Days != nil && (*r.Days < -maxCount || *r.Days > maxCount):
		return errors.New("days are out of range")
	}
	for _, t := range []time.Time{r.Time, r.NotAfter, r.Started} {
		if !t.IsZero() && (t.Year() < 0 || t.Year() > 9999) {
			return errors.New("a time is out of range")
		}
	}
	return nil
}

// checkText refuses a text that is too long, or that finding.Quote would
// change.
func checkText(field, s string, most int) error {
	if len(s) > most {
		return fmt.Errorf("%s has %d octets, at most %d can be stored", field, len(s), most)
	}
	const piece = 128 // Quote cuts what is longer than 256 characters
	for len(s) > 0 {
		n := min(piece, len(s))
		for n < len(s) && n > piece-utf8.UTFMax && !utf8.RuneStart(s[n]) {
			n--
		}
		if finding.Quote(s[:n]) != s[:n] {
			return fmt.Errorf("%s has characters that are not stored unquoted", field)
		}
		s = s[n:]
	}
	return nil
}
