package certpath

import (
	"strconv"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// level returns the number of the security level that is asked for and the bits
// it wants; ok is false under the default policy.
func (o *Options) level() (n, bits int, ok bool) {
	n, ok = o.SecurityLevel.Number()
	_, bits, _ = o.SecurityLevel.Least(o.MinRSA)
	return n, bits, ok
}

// keys judges the size of certificate i's key: by the security level if one is
// set, else RSA by MinRSA (2048).
func (j *judgement) keys(i int) {
	k := j.chain[i].Key
	if k == nil {
		return
	}
	id := finding.LeafKeyWeak
	if i > 0 {
		id = finding.CAKeyWeak
	}
	least, _, _ := j.o.SecurityLevel.Least(j.o.MinRSA)
	modular := k.Kind.Modular()
	if modular && k.Bits > 0 && k.Bits < least {
		j.add(i, finding.New(id, "key", keyName(k), "why", "; the least is "+strconv.Itoa(least)+" bits"))
		return
	}
	level, asked, ok := j.o.level()
	if !ok {
		if bits := k.Strength(); bits > 0 && bits < 112 && !modular {
			j.add(i, finding.New(id, "key", keyName(k), "why", "; it is worth "+strconv.Itoa(bits)+" bits, the least is 112"))
		}
		return
	}
	if bits := k.Strength(); bits >= 0 && bits < asked {
		j.add(i, finding.New(id, "key", keyName(k), "why", "; it is worth "+strconv.Itoa(bits)+" bits, security level "+
			strconv.Itoa(level)+" asks for "+strconv.Itoa(asked)))
	}
}

// algorithm judges the hash of the signature on certificate i.
func (j *judgement) algorithm(i int) {
	a := &j.chain[i].Algorithm
	level, asked, ok := j.o.level()
	if !ok {
		if a.Weak != "" {
			why := ": its hash " + a.Weak + " is broken"
			if a.Weak == "MD5" {
				why += "; it was not verified"
			}
			j.add(i, finding.New(finding.SignatureWeak, "algorithm", a.Name, "why", why))
		}
		return
	}
	bits := a.Strength()
	if a.Weak == "MD5" || bits >= 0 && bits < asked {
		why := "; it is worth " + strconv.Itoa(bits) + " bits, security level " + strconv.Itoa(level) +
			" asks for " + strconv.Itoa(asked)
		if a.Weak == "MD5" {
			why = ": its hash " + a.Weak + " is broken; it was not verified"
		}
		j.add(i, finding.New(finding.SignatureWeak, "algorithm", a.Name, "why", why))
	}
}

// lifetimes are the CA/Browser Forum's limits by the day of issuance (BR
// 6.3.2, ballots 193, SC31 and SC081).
var lifetimes = []struct {
	from time.Time
	days int
}{
	{time.Date(2029, 3, 15, 0, 0, 0, 0, time.UTC), 47},
	{time.Date(2027, 3, 15, 0, 0, 0, 0, time.UTC), 100},
	{time.Date(2026, 3, 15, 0, 0, 0, 0, time.UTC), 200},
	{time.Date(2020, 9, 1, 0, 0, 0, 0, time.UTC), 398},
	{time.Date(2018, 3, 1, 0, 0, 0, 0, time.UTC), 825},
}

// public warns when the leaf of a path to a publicly trusted anchor lives
// longer than public certificates may. Both end points belong to the period; a
// day has 86,400 seconds.
func (w *worker) public(p *Path) {
	if _, known := ruleOf(w.o.Purpose); !known || p.End != report.EndAnchor || w.o.Public == nil || !w.o.Public(p.Certs[len(p.Certs)-1]) {
		return
	}
	c := p.Certs[0]
	const day = 24 * time.Hour
	for _, l := range lifetimes {
		if c.NotBefore.Before(l.from) {
			continue
		}
		life := c.NotAfter.Sub(c.NotBefore) + time.Second
		if life > time.Duration(l.days)*day {
			days := (life + day - 1) / day
			p.CertFindings[0] = append(p.CertFindings[0], finding.New(finding.ValidityTooLong, "days", strconv.Itoa(int(days)),
				"limit", strconv.Itoa(l.days), "not-before", finding.Time(c.NotBefore)))
		}
		return
	}
}
