package report

import (
	"regexp"
	"slices"
	"testing"

	"github.com/assaytls/assay/finding"
)

// condition finds what this expression does, which takes longer to compile than a
// whole report takes to print.
func FuzzCondition(f *testing.F) {
	whole := regexp.MustCompile(`(?:^|[.] )If [^.:]{2,80}: `)
	for _, k := range finding.Kinds() {
		f.Add(k.Fix)
	}
	for _, s := range []string{"If ab: ", "If a: If bc: d. If e: f", "x. If ab: . If cd: ", "x.If ab: y", "If  : . If If ab: ", "If a.b: ", "If ab:x. If é: ", "If \xff\xff: . If \n\n: "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var got, want []int
		for i := condition(s, 0); i >= 0; i = condition(s, i+1) {
			got = append(got, i)
		}
		for _, at := range whole.FindAllStringIndex(s, -1) {
			if at[0] > 0 || s[0] == '.' {
				at[0] += len(". ")
			}
			want = append(want, at[0])
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	})
}
