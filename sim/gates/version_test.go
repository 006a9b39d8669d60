package gates

import "testing"

func TestParseVersion(t *testing.T) {
	for _, c := range []struct {
		text string
		want Version
	}{
		{"v1.29.15", Version{Release: Release{29, 15}}},
		{"1.28.0", Version{Release: Release{28, 0}}},
		{"v1.29.4-gke.1043000", Version{Release: Release{29, 4}, Build: "-gke.1043000"}},
		{"v1.30.2+k3s1", Version{Release: Release{30, 2}, Build: "+k3s1"}},
		{"v1.31.0-alpha.1+abc", Version{Release: Release{31, 0}, Build: "-alpha.1+abc"}},
		{"v1.29.99", Version{Known: NewerPatch, Release: Release{29, 99}}},
		{"v1.27.16", Version{Known: TooOld}},
		{"v0.21.0", Version{Known: TooOld}},
		{"v1.99.0", Version{Known: TooNew}},
		{"v2.0.0", Version{Known: TooNew}},
	} {
		c.want.Text = c.text
		got, err := ParseVersion(c.text)
		if err != nil || got != c.want {
			t.Errorf("%q is %+v, %v, want %+v", c.text, got, err, c.want)
		}
		if got.HasRelease() != (got.Release != Release{}) {
			t.Errorf("%q: HasRelease is %t", c.text, got.HasRelease())
		}
	}
	for _, text := range []string{"", "v1", "1.29", "v1.29.x", "v1.-1.0", "latest"} {
		if got, err := ParseVersion(text); err == nil {
			t.Errorf("%q is %+v, want an error", text, got)
		}
	}
}

func TestFixed(t *testing.T) {
	for _, c := range []struct {
		gate    string
		release Release
		skew    bool
		want    string
	}{
		{SidecarContainers, Release{28, 15}, false, "open"},
		{SidecarContainers, Release{32, 0}, false, "open"},
		{SidecarContainers, Release{33, 1}, false, "on: locked in 1.33"},
		{SidecarContainers, Release{37, 0}, false, "on: removed before 1.37, always on"},
		{podLifecycleSleepAction, Release{28, 1}, false, "off: not in 1.28"},
		{containerRestartRules, Release{33, 1}, false, "off: not in 1.33"},
		{legacySidecarContainers, Release{34, 0}, false, "off: not in 1.34"},
		{SidecarContainers, Release{35, 0}, true, "open"}, // the kubelet may be of 1.32
		{SidecarContainers, Release{36, 0}, true, "on: a kubelet of this API server is 1.33 or newer"},
		{SidecarContainers, Release{37, 0}, true, "on: a kubelet of this API server is 1.34 or newer"},
		{podLifecycleSleepAction, Release{28, 0}, true, "open"}, // releases before 1.28 were not read
		{containerRestartRules, Release{31, 0}, true, "off: a kubelet of this API server is 1.28 or newer"},
	} {
		fixed := Fixed
		if c.skew {
			fixed = FixedBySkew
		}
		on, why, ok := fixed(c.gate, c.release)
		got := "open"
		if ok {
			got = "off: " + why
			if on {
				got = "on: " + why
			}
		}
		if got != c.want {
			t.Errorf("%s in %s (skew %t) is %q, want %q", c.gate, c.release, c.skew, got, c.want)
		}
	}
}
