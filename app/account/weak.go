package account

import (
	"slices"
	"strings"
)

// firstGuesses are the words that guessing programs try first, alone, doubled,
// and with digits and signs around them.
var firstGuesses = strings.Fields(`
	password passwort passwd pass passw0rd contraseña motdepasse parola senha wachtwoord heslo haslo salasana
	admin administrator root system server synctv master login welcome willkommen bienvenue letmein changeme change
	default secret secure security private guest test testing tester demo user username qwerty qwertz azerty
	qwertyuiop asdfghjkl zxcvbnm asdf asdfgh zxcvbn qazwsx qazwsxedc 1qaz2wsx qwaszx qweasd qweasdzxc abc abcd abcdef abcdefg abcdefgh abcdefghi
	iloveyou loveyou ilove love lovely lover sunshine princess princesa dragon monkey football baseball basketball soccer hockey
	superman batman spiderman ironman pokemon pikachu starwars minecraft fortnite roblox gandalf matrix trustno trustno1 whatever
	michael jordan jennifer jessica ashley daniel thomas charlie robert michelle nicole anthony andrew joshua matthew martin
	shadow hunter ranger killer ninja mustang harley ferrari porsche mercedes corvette chelsea liverpool arsenal barcelona juventus
	flower summer winter spring autumn computer internet google facebook instagram youtube netflix samsung android iphone windows
	cookie chocolate banana orange cheese pepper ginger butterfly freedom forever family happy angel heaven jesus christ blessed
	hello hallo bonjour ciao fuckyou fuck access biteme zaq1zaq1 zaq12wsx 1q2w3e 1q2w3e4r 1q2w3e4r5t q1w2e3r4 a1b2c3 a1b2c3d4 aa12345678
	woaini woaini1314 nihao mima mimamima wangyou zhang5201314 5201314 woaiwojia
	movie movies film cinema video television raspberry raspberrypi synology nas homeserver jellyfin plex emby kodi`)

// rows are runs of keys that fingers walk.
var rows = []string{"01234567890", "qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "zxcvbnm", "yxcvbnm", "abcdefghijklmnopqrstuvwxyz", "1qaz2wsx3edc4rfv5tgb6yhn7ujm"}

var plain = strings.NewReplacer("@", "a", "4", "a", "3", "e", "1", "i", "!", "i", "0", "o", "$", "s", "5", "s", "7", "t")

// weak reports whether a password (folded) is among the first guesses: few
// different characters, a walk along the keyboard, a date, or a common word
// dressed up with digits and signs.
func weak(p string) bool {
	if distinct(p) <= 2 || walk(p) || digitsOnly(p) && len(p) <= 8 {
		return true
	}
	core := strings.Trim(p, "0123456789!@#$%&*?._-+ ")
	for _, w := range []string{p, core, plain.Replace(p), plain.Replace(core)} {
		if w != "" && (slices.Contains(firstGuesses, w) || slices.Contains(firstGuesses, half(w))) {
			return true
		}
	}
	return core == "" && distinct(p) <= 4
}

func distinct(s string) int {
	seen := map[rune]bool{}
	for _, r := range s {
		seen[r] = true
	}
	return len(seen)
}

// half returns the word that is written twice, or nothing.
func half(s string) string {
	if n := len(s) / 2; len(s)%2 == 0 && s[:n] == s[n:] {
		return s[:n]
	}
	return ""
}

func digitsOnly(s string) bool { return strings.Trim(s, "0123456789") == "" }

// walk reports whether the whole password is made of keyboard runs of three
// keys or more, forwards or backwards.
func walk(p string) bool {
	for p != "" {
		n := longestRun(p)
		if n < 3 {
			return false
		}
		p = p[n:]
	}
	return true
}

func longestRun(p string) int {
	longest := 0
	for _, row := range rows {
		for _, r := range []string{row, reverse(row)} {
			for n := min(len(p), len(r)); n > longest; n-- {
				if strings.Contains(r, p[:n]) {
					longest = n
				}
			}
		}
	}
	return longest
}

func reverse(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}
