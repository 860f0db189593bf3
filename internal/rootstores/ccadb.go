package rootstores

import (
	"bytes"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/programs"
)

// maxColumns bounds the columns of a report; that of all certificates has some 110.
const maxColumns = 400

// report is a report of CCADB that is being read: a table in CSV with a heading.
type report struct {
	rows    *csv.Reader
	columns map[string]int
	row     []string
}

// readCCADB reads a report in CSV: that about Microsoft's certificates, or that of all
// certificates. Its columns are found by their headings.
func readCCADB(b []byte) (*Publication, error) {
	r := report{rows: csv.NewReader(bytes.NewReader(b)), columns: map[string]int{}}
	r.rows.ReuseRecord = true
	heading, err := r.rows.Read()
	if err != nil {
		return nil, err
	}
	if len(heading) > maxColumns {
		return nil, fmt.Errorf("more than %d columns", maxColumns)
	}
	for i, name := range heading {
		if _, twice := r.columns[name]; twice {
			return nil, fmt.Errorf("the column %.60q twice", name)
		}
		r.columns[strings.Clone(name)] = i
	}
	if !r.has("Microsoft Status") {
		return nil, errors.New("it has no column Microsoft Status: assay reads the reports IncludedCACertificateReportForMSFTCSV and AllCertificateRecordsCSVFormat")
	}
	if r.has("Certificate Record Type") && r.has("Apple Status") && r.has("Certificate Name") {
		return r.all()
	}
	return r.microsoft()
}

func (r *report) has(column string) bool { _, ok := r.columns[column]; return ok }

// get returns a field of the row, "" for a column that the report does not have.
func (r *report) get(column string) string {
	if i, ok := r.columns[column]; ok && i < len(r.row) {
		return strings.TrimSpace(r.row[i])
	}
	return ""
}

// next reads a row; more is false at the end.
func (r *report) next() (more bool, err error) {
	r.row, err = r.rows.Read()
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	return err == nil, err
}

// entry begins an entry of the row.
func (r *report) entry(name string) (programs.Entry, error) {
	id, err := hex.DecodeString(strings.ReplaceAll(r.get("SHA-256 Fingerprint"), ":", ""))
	if err != nil || len(id) != 32 {
		return programs.Entry{}, fmt.Errorf("%.80q is no SHA-256 fingerprint", r.get("SHA-256 Fingerprint"))
	}
	return programs.Entry{SHA256: [32]byte(id), Name: strings.Clone(shorten(r.get(name))), Trust: programs.Anchor}, nil
}

// notBeforeStatus is Microsoft's word for a root that is refused for certificates that
// were issued from a date on. The reports do not tell the date.
const notBeforeStatus = "NotBefore"

// status applies a status of CCADB to an entry; ok is false for certificates that the
// program does not have. A word that is not known is a condition that is not known.
func status(e *programs.Entry, word string) (ok bool) {
	switch word {
	case "Included", "Change Requested":
	case "", "Not Included", "Removed", "Not Yet Included", "Pending", "Not Accepted", "Rejected", "Withdrawn":
		return false
	case "Disabled":
		e.Disallowed = &programs.Limit{}
	case "Blocked":
		e.Trust = programs.Distrusted
	default: // notBeforeStatus, too
		e.Restricted = true
	}
	return true
}

// microsoft reads the report about Microsoft's certificates.
func (r *report) microsoft() (*Publication, error) {
	var found entries
	dated := map[[32]byte]bool{}
	for {
		more, err := r.next()
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
		e, err := r.entry("CA Common Name or Certificate Name")
		if err != nil {
			return nil, err
		}
		if !status(&e, r.get("Microsoft Status")) {
			continue
		}
		dated[e.SHA256] = r.get("Microsoft Status") == notBeforeStatus
		e.Usages, e.UsagesUnknown = ccadbUsages(r.get("Microsoft EKUs"))
		if err := found.add(e); err != nil {
			return nil, err
		}
	}
	return &Publication{Kind: CCADBMicrosoft, MembershipOnly: true, notBefore: dated,
		Lists: []programs.List{{Program: policy.ProgramMicrosoft, Entries: found.list}}}, nil
}

// all reads the report of all certificates: the roots of Apple and of Microsoft. Those of
// Mozilla and Chrome are left out, for their conditions are not in it.
func (r *report) all() (*Publication, error) {
	var apple, microsoft entries
	for {
		more, err := r.next()
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
		if r.get("Certificate Record Type") != "Root Certificate" {
			continue
		}
		for column, list := range map[string]*entries{"Apple Status": &apple, "Microsoft Status": &microsoft} {
			e, err := r.entry("Certificate Name")
			if err != nil {
				return nil, err
			}
			if !status(&e, r.get(column)) {
				continue
			}
			e.UsagesUnknown = list == &microsoft // what the report tells is all programs' together
			if err := list.add(e); err != nil {
				return nil, err
			}
		}
	}
	return &Publication{Kind: CCADBAll, MembershipOnly: true,
		Lists:   []programs.List{{Program: policy.ProgramApple, Entries: apple.list}, {Program: policy.ProgramMicrosoft, Entries: microsoft.list}},
		LeftOut: []string{"Mozilla's and Chrome's roots: this report does not have their conditions; give certdata.txt and root_store.textproto"}}, nil
}

// usageOIDs are the extended key usages as CCADB names them.
var usageOIDs = map[string]string{
	"Server Authentication": "1.3.6.1.5.5.7.3.1", "Client Authentication": "1.3.6.1.5.5.7.3.2", "Code Signing": "1.3.6.1.5.5.7.3.3",
	"Secure Email": "1.3.6.1.5.5.7.3.4", "IP Security End System": "1.3.6.1.5.5.7.3.5", "IP Security Tunnel Termination": "1.3.6.1.5.5.7.3.6",
	"IP Security User": "1.3.6.1.5.5.7.3.7", "Time Stamping": "1.3.6.1.5.5.7.3.8", "OCSP Signing": "1.3.6.1.5.5.7.3.9",
	"IP Security IKE Intermediate": "1.3.6.1.5.5.8.2.2", "Encrypting File System": "1.3.6.1.4.1.311.10.3.4", "Document Signing": "1.3.6.1.4.1.311.10.3.12",
}

// ccadbUsages reads a list of usages. None is not known.
func ccadbUsages(s string) (usages []string, unknown bool) {
	for name := range strings.SplitSeq(s, ";") {
		if oid := usageOIDs[strings.TrimSpace(name)]; oid != "" {
			usages = append(usages, oid)
		}
	}
	return sorted(usages), len(usages) == 0
}
