// What the browser remembers of a person's choices. Without storage (private windows, policies) the
// page works, it only forgets.

type Name = "language" | "theme";

export function readSetting(name: Name): string | null {
    try {
        return localStorage.getItem(`horizon.${name}`);
    } catch {
        return null;
    }
}

export function writeSetting(name: Name, value: string): void {
    try {
        localStorage.setItem(`horizon.${name}`, value);
    } catch {
        // forgotten at the next visit
    }
}
