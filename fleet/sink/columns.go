package sink

import (
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// SchemaVersion is the version of the tables' columns, which every Parquet file
// has in its metadata as "assay.schema". Columns are added and keep it; a change
// of meaning raises it.
const SchemaVersion = 1

// record is a row of the table of results. The columns have the names of the
// JSON lines. A text or hash that is empty is null. The SPKI's hash is in the table of
// certificates: 32 octets that no compression shortens.
type record struct {
	Target       string    `parquet:"target"`
	Input        string    `parquet:"input,optional"`
	Address      string    `parquet:"address,optional"`
	Time         time.Time `parquet:"time,optional,delta,timestamp(millisecond)"`
	Started      time.Time `parquet:"started,optional,delta,timestamp(millisecond)"`
	ElapsedMS    int32     `parquet:"elapsed_ms,delta"`
	Attempts     int32     `parquet:"attempts,dict"`
	Verdict      string    `parquet:"verdict,dict"`
	Skipped      string    `parquet:"skipped,optional,dict"`
	Failure      string    `parquet:"failure,optional,dict"`
	Headline     string    `parquet:"headline,optional,dict"`
	HeadlineRole string    `parquet:"headline_role,optional,dict"`
	Title        string    `parquet:"title,optional,dict"`
	Errors       []string  `parquet:"error,list" parquet-element:",dict"`
	Inconclusive []string  `parquet:"inconclusive,list" parquet-element:",dict"`
	Warnings     []string  `parquet:"warning,list" parquet-element:",dict"`
	Infos        []string  `parquet:"info,list" parquet-element:",dict"`
	More         int32     `parquet:"more,dict"`
	NotAfter     time.Time `parquet:"not_after,optional,delta,timestamp(millisecond)"`
	Days         *int32    `parquet:"days,optional,dict"`
	Leaf         [32]byte  `parquet:"leaf,optional"`
	Issuer       [32]byte  `parquet:"issuer,optional,dict"`
	Revocation   []string  `parquet:"revocation,list" parquet-element:",dict"`
	Sources      []string  `parquet:"sources,list" parquet-element:",dict"`
	System       string    `parquet:"program_system,optional,dict"`
	Mozilla      string    `parquet:"program_mozilla,optional,dict"`
	Chrome       string    `parquet:"program_chrome,optional,dict"`
	Apple        string    `parquet:"program_apple,optional,dict"`
	Microsoft    string    `parquet:"program_microsoft,optional,dict"`
	Android      string    `parquet:"program_android,optional,dict"`
	CT           string    `parquet:"ct,optional,dict"`
	Protocol     string    `parquet:"protocol,optional,dict"`
	Policy       [32]byte  `parquet:"policy,optional,dict"`
	Evidence     string    `parquet:"evidence,optional,dict"`
	RowVersion   int32     `parquet:"row_version,dict"`
}

// set makes rec the record of r.
func (rec *record) set(r *Row) {
	*rec = record{
		Target: r.Target, Input: r.Input, Address: r.Address, Time: r.Time, Started: r.Started,
		ElapsedMS: int32(min(r.Elapsed/time.Millisecond, maxCount)), Attempts: int32(r.Attempts),
		Verdict: string(r.Verdict), Skipped: string(r.Skipped), Failure: r.Failure,
		Headline: string(r.Headline), HeadlineRole: string(r.HeadlineRole), Title: r.Title,
		Errors: plain(r.Errors), Inconclusive: plain(r.Inconclusive), Warnings: plain(r.Warnings), Infos: plain(r.Infos), More: int32(r.More),
		NotAfter: r.NotAfter, Leaf: r.Leaf, Issuer: r.Issuer, Revocation: plain(r.Revocation), Sources: r.Sources,
		System: string(r.Programs.System), Mozilla: string(r.Programs.Mozilla), Chrome: string(r.Programs.Chrome), Apple: string(r.Programs.Apple), Microsoft: string(r.Programs.Microsoft), Android: string(r.Programs.Android),
		CT: string(r.CT), Protocol: r.Protocol, Policy: r.Policy, Evidence: string(r.Evidence), RowVersion: int32(r.Version),
	}
	if r.Days != nil {
		days := int32(*r.Days)
		rec.Days = &days
	}
}

// row is the row that set was given, without position and SPKI.
func (rec *record) row() Row {
	r := Row{
		Row: report.Row{
			Version: int(rec.RowVersion), Target: rec.Target, Time: utc(rec.Time), Verdict: report.Verdict(rec.Verdict),
			Headline: finding.ID(rec.Headline), HeadlineRole: report.Role(rec.HeadlineRole), Title: rec.Title,
			Errors: plainAs[finding.ID](rec.Errors), Inconclusive: plainAs[finding.ID](rec.Inconclusive), Warnings: plainAs[finding.ID](rec.Warnings), Infos: plainAs[finding.ID](rec.Infos),
			More: int(rec.More), NotAfter: utc(rec.NotAfter), Leaf: rec.Leaf, Issuer: rec.Issuer, Revocation: plainAs[report.Status](rec.Revocation),
			Programs: report.RowPrograms{System: report.RowProgram(rec.System), Mozilla: report.RowProgram(rec.Mozilla), Chrome: report.RowProgram(rec.Chrome), Apple: report.RowProgram(rec.Apple), Microsoft: report.RowProgram(rec.Microsoft), Android: report.RowProgram(rec.Android)},
			CT:       report.CTStatus(rec.CT), Protocol: rec.Protocol, Policy: rec.Policy,
		},
		Input: rec.Input, Address: rec.Address, Started: utc(rec.Started), Elapsed: time.Duration(rec.ElapsedMS) * time.Millisecond, Attempts: int(rec.Attempts),
		Skipped: Skip(rec.Skipped), Failure: rec.Failure, Sources: plainAs[string](rec.Sources), Evidence: EvidenceState(rec.Evidence),
	}
	if rec.Days != nil {
		days := int(*rec.Days)
		r.Days = &days
	}
	return r
}

func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}

func plain[S ~string](all []S) []string { return plainAs[string](all) }

func plainAs[To, From ~string](all []From) []To {
	if len(all) == 0 {
		return nil
	}
	as := make([]To, len(all))
	for i, s := range all {
		as[i] = To(s)
	}
	return as
}
