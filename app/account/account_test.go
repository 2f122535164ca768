package account_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"synctv/app/account"
	"synctv/app/auth"
	"synctv/app/settings"
	"synctv/store"
	"synctv/store/storetest"
)

const password = "a lamp for the herring fleet"

// newService starts accounts on a database that may have been used before.
func newService(t *testing.T, db *store.DB, dir string) *account.Service {
	t.Helper()
	site, err := settings.New(db, nil)
	if err != nil {
		t.Fatal(err)
	}
	master, err := auth.LoadMaster(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	s := account.New(account.Config{
		DB: db, Settings: site, Passwords: auth.NewPasswords(2, 8<<30), Master: master,
		Log: slog.New(slog.DiscardHandler), Dir: dir,
	})
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func fresh(t *testing.T) *account.Service { return newService(t, storetest.New(t), t.TempDir()) }

var nobody = auth.Actor{IP: "192.0.2.7", UserAgent: "test", RequestID: "r1"}

func setUp(t *testing.T, s *account.Service) account.Grant {
	t.Helper()
	g, err := s.Setup(t.Context(), nobody, account.SetupInput{Token: s.SetupToken(), Username: "mia", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func actor(t *testing.T, s *account.Service, token string) auth.Actor {
	t.Helper()
	who, err := s.Authenticate(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return who
}

func TestA01_SetupWorksOnceWithTheRightToken(t *testing.T) {
	db, dir := storetest.New(t), t.TempDir()
	s := newService(t, db, dir)
	kept, err := os.ReadFile(filepath.Join(dir, "setup-token"))
	if err != nil || strings.TrimSpace(string(kept)) != s.SetupToken() || len(s.SetupToken()) != 26 {
		t.Fatalf("token %q, file %q, %v", s.SetupToken(), kept, err)
	}
	for _, try := range []string{"", "x", s.SetupToken()[1:], strings.ToLower(s.SetupToken())} {
		if _, err := s.Setup(t.Context(), nobody, account.SetupInput{Token: try, Username: "eve", Password: password}); !errors.Is(err, account.ErrSetupToken) {
			t.Errorf("token %q: %v", try, err)
		}
	}
	token := s.SetupToken()
	var won, lost int
	var mu sync.Mutex
	var both sync.WaitGroup
	for _, name := range []string{"mia", "eve"} {
		both.Go(func() {
			_, err := s.Setup(t.Context(), nobody, account.SetupInput{Token: token, Username: name, Password: password})
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				won++
			case errors.Is(err, account.ErrSetupDone), errors.Is(err, account.ErrSetupToken):
				lost++
			default:
				t.Errorf("setup: %v", err)
			}
		})
	}
	both.Wait()
	if won != 1 || lost != 1 {
		t.Errorf("%d set-ups won, %d lost, want 1 and 1", won, lost)
	}
	if _, err := os.Stat(filepath.Join(dir, "setup-token")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the token file is still there: %v", err)
	}
	if again := newService(t, db, dir); again.SetupNeeded() || again.SetupToken() != "" {
		t.Error("the next start offers set-up again")
	}
}

func TestA01_NoDefaultAccount(t *testing.T) {
	s := fresh(t)
	for _, name := range []string{"root", "admin", "synctv", "guest"} {
		for _, pw := range []string{"", name, "admin", "password"} {
			if _, err := s.Login(t.Context(), auth.Actor{IP: name + pw}, name, pw, account.Device{}); !errors.Is(err, account.ErrCredentials) {
				t.Errorf("%s/%s: %v", name, pw, err)
			}
		}
	}
}

func TestSetupClosesAfterTenWrongTokens(t *testing.T) {
	s := fresh(t)
	for range 10 {
		_, _ = s.Setup(t.Context(), nobody, account.SetupInput{Token: "wrong", Username: "eve", Password: password})
	}
	if _, err := s.Setup(t.Context(), nobody, account.SetupInput{Token: s.SetupToken(), Username: "mia", Password: password}); !errors.Is(err, account.ErrSetupClosed) {
		t.Errorf("the eleventh try: %v, want ErrSetupClosed", err)
	}
}

func TestLoginAndAuthenticate(t *testing.T) {
	s := fresh(t)
	setUp(t, s)
	g, err := s.Login(t.Context(), nobody, "MIA", password, account.Device{Name: "sofa"})
	if err != nil {
		t.Fatal(err)
	}
	who := actor(t, s, g.Access)
	if who.Name != "mia" || who.SiteRole != "root" || !who.IsActive() || who.Session != g.Session.ID {
		t.Errorf("actor = %+v", who)
	}
	if _, err := s.Login(t.Context(), nobody, "mia", password+"!", account.Device{}); !errors.Is(err, account.ErrCredentials) {
		t.Errorf("wrong password: %v", err)
	}
	if _, err := s.Login(t.Context(), nobody, "nobody-here", password, account.Device{}); !errors.Is(err, account.ErrCredentials) {
		t.Errorf("unknown name: %v", err)
	}
}

func TestUnattendedRootNeedsNoLink(t *testing.T) {
	s := fresh(t)
	if err := s.CreateRoot(t.Context(), "mia", password); err != nil {
		t.Fatal(err)
	}
	if s.SetupNeeded() || s.SetupToken() != "" {
		t.Errorf("a link is still offered: %q", s.SetupToken())
	}
	if err := s.CreateRoot(t.Context(), "eve", password); !errors.Is(err, account.ErrSetupDone) {
		t.Errorf("a second root: %v, want ErrSetupDone", err)
	}
}

func TestA16_NamesAndPasswords(t *testing.T) {
	s := fresh(t)
	for _, c := range []struct{ name, pw string }{
		{"", password},
		{"ab", password},
		{"12345", password},
		{"a b c", password},
		{"mia\x00x", password},
		{"mia\u202eaim", password},
		{strings.Repeat("m", 51), password},
		{"<script>", password},
		{"mia", ""},
		{"mia", "short"},
		{"mia", "password"},
		{"mia", "Password1!"},
		{"mia", "12345678"},
		{"mia", "qwertyuiop"},
		{"mia", "aaaaaaaaaaaa"},
		{"long-enough-name", "LONG-ENOUGH-NAME"},
		{"mia", strings.Repeat("x", 257)},
		{"mia", "nul\x00nulnul"},
		{"mia", "letmein123"},
		{"mia", "P@ssw0rd!!"},
		{"mia", "abcdefgh12"},
		{"mia", "dragondragon"},
		{"mia", "20011231"},
	} {
		var field *account.FieldError
		_, err := s.Setup(t.Context(), nobody, account.SetupInput{Token: s.SetupToken(), Username: c.name, Password: c.pw})
		if !errors.As(err, &field) {
			t.Errorf("name %q, password %q: %v, want a FieldError", c.name, c.pw, err)
		}
	}
	if _, err := s.Setup(t.Context(), nobody, account.SetupInput{Token: s.SetupToken(), Username: "雪见草", Password: "北方的海港灯火"}); !errors.As(err, new(*account.FieldError)) && err != nil {
		t.Errorf("a Chinese name: %v", err)
	}
}

func TestRefreshRotates(t *testing.T) {
	s := fresh(t)
	g := setUp(t, s)
	next, err := s.Refresh(t.Context(), nobody, g.Refresh, account.Device{})
	if err != nil {
		t.Fatal(err)
	}
	if next.Refresh == g.Refresh || next.Session.ID != g.Session.ID {
		t.Errorf("refresh gave %q of session %s", next.Refresh, next.Session.ID)
	}
	if _, err := s.Refresh(t.Context(), nobody, "made up", account.Device{}); !errors.Is(err, account.ErrSession) {
		t.Errorf("unknown token: %v", err)
	}
}

func TestA06_RefreshTokenReplay(t *testing.T) {
	t.Run("a lost answer is forgiven while the successor is unused", func(t *testing.T) {
		s := fresh(t)
		g := setUp(t, s)
		lost, err := s.Refresh(t.Context(), nobody, g.Refresh, account.Device{})
		if err != nil {
			t.Fatal(err)
		}
		again, err := s.Refresh(t.Context(), nobody, g.Refresh, account.Device{})
		if err != nil {
			t.Fatalf("the same token within the grace: %v", err)
		}
		if _, err := s.Refresh(t.Context(), nobody, lost.Refresh, account.Device{}); !errors.Is(err, account.ErrSession) {
			t.Errorf("the replaced successor: %v, want ErrSession", err)
		}
		if _, err := s.Refresh(t.Context(), nobody, again.Refresh, account.Device{}); err != nil {
			t.Errorf("the fresh successor: %v", err)
		}
	})
	t.Run("a used successor ends the family", func(t *testing.T) {
		s := fresh(t)
		g := setUp(t, s)
		ended := make(chan string, 8)
		s.OnSessionEnd(func(id string) { ended <- id })
		next, err := s.Refresh(t.Context(), nobody, g.Refresh, account.Device{})
		if err != nil {
			t.Fatal(err)
		}
		last, err := s.Refresh(t.Context(), nobody, next.Refresh, account.Device{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Refresh(t.Context(), nobody, g.Refresh, account.Device{}); !errors.Is(err, account.ErrSession) {
			t.Fatalf("replay: %v, want ErrSession", err)
		}
		if id := <-ended; id != g.Session.ID {
			t.Errorf("ended %s, want %s", id, g.Session.ID)
		}
		if _, err := s.Authenticate(t.Context(), last.Access); !errors.Is(err, account.ErrSession) {
			t.Errorf("the access token of the family still works: %v", err)
		}
		if _, err := s.Refresh(t.Context(), nobody, last.Refresh, account.Device{}); !errors.Is(err, account.ErrSession) {
			t.Errorf("the newest token of the family still works: %v", err)
		}
	})
	t.Run("after the grace it ends the family", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := fresh(t)
			g := setUp(t, s)
			if _, err := s.Refresh(t.Context(), nobody, g.Refresh, account.Device{}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(11 * time.Second) // the bubble's clock
			if _, err := s.Refresh(t.Context(), nobody, g.Refresh, account.Device{}); !errors.Is(err, account.ErrSession) {
				t.Errorf("replay after 11 s: %v, want ErrSession", err)
			}
			if _, err := s.Authenticate(t.Context(), g.Access); !errors.Is(err, account.ErrSession) {
				t.Errorf("the access token still works: %v", err)
			}
		})
	})
}

func TestA07_AccessEndsWithTheSession(t *testing.T) {
	s := fresh(t)
	g := setUp(t, s)
	other, err := s.Login(t.Context(), nobody, "mia", password, account.Device{})
	if err != nil {
		t.Fatal(err)
	}
	who := actor(t, s, g.Access)
	if err := s.Logout(t.Context(), who, false); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Authenticate(t.Context(), g.Access); !errors.Is(err, account.ErrSession) {
		t.Errorf("after logout: %v", err)
	}
	if _, err := s.Refresh(t.Context(), nobody, g.Refresh, account.Device{}); !errors.Is(err, account.ErrSession) {
		t.Errorf("refresh after logout: %v", err)
	}
	who = actor(t, s, other.Access)
	if err := s.ResetRoot(t.Context(), "mia", "quite another lamp"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Authenticate(t.Context(), other.Access); !errors.Is(err, account.ErrSession) {
		t.Errorf("after a password reset: %v", err)
	}
	if err := s.EndSession(t.Context(), who, "00000000000000000000"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("ending a session that is not there: %v", err)
	}
}

func TestA08_GuessingIsSlowedDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fresh(t)
		setUp(t, s)
		thief := auth.Actor{IP: "203.0.113.9"}
		for range 5 {
			if _, err := s.Login(t.Context(), thief, "mia", "guess", account.Device{}); !errors.Is(err, account.ErrCredentials) {
				t.Fatal(err)
			}
		}
		var locked *account.LockedError
		for _, name := range []string{"mia"} {
			if _, err := s.Login(t.Context(), thief, name, password, account.Device{}); !errors.As(err, &locked) {
				t.Errorf("the sixth guess: %v, want LockedError", err)
			}
		}
		if _, err := s.Login(t.Context(), nobody, "mia", password, account.Device{}); err != nil {
			t.Errorf("the owner at home is locked out by a stranger: %v", err)
		}
		time.Sleep(61 * time.Second) // the bubble's clock
		if _, err := s.Login(t.Context(), thief, "mia", password, account.Device{}); err != nil {
			t.Errorf("after the wait: %v", err)
		}
	})
}

func TestA09_UnknownNamesLockAlike(t *testing.T) {
	s := fresh(t)
	setUp(t, s)
	for _, name := range []string{"mia", "nobody"} {
		who := auth.Actor{IP: "198.51.100.1" + name}
		for range 5 {
			_, _ = s.Login(t.Context(), who, name, "guess", account.Device{})
		}
		if _, err := s.Login(t.Context(), who, name, "guess", account.Device{}); !errors.As(err, new(*account.LockedError)) {
			t.Errorf("%s: %v, want LockedError", name, err)
		}
	}
}

func TestKeysSurviveRestartAndNeedTheirMaster(t *testing.T) {
	db, dir := storetest.New(t), t.TempDir()
	g := setUp(t, newService(t, db, dir))
	again := newService(t, db, dir)
	if _, err := again.Authenticate(t.Context(), g.Access); err != nil {
		t.Errorf("token of before the restart: %v", err)
	}
	site, err := settings.New(db, nil)
	if err != nil {
		t.Fatal(err)
	}
	other, err := auth.LoadMaster(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	s := account.New(account.Config{DB: db, Settings: site, Passwords: auth.NewPasswords(1, 1<<30), Master: other, Log: slog.New(slog.DiscardHandler), Dir: dir})
	defer s.Close()
	if err := s.Start(t.Context()); !errors.Is(err, auth.ErrSealed) {
		t.Errorf("start with another master key: %v, want ErrSealed", err)
	}
}
