import { InputDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Profile } from '../api/generated';

/** Ask for a profile to change; without asking if there is only one. */
export async function chooseEditable(
  profiles: readonly Profile[],
  trans: TranslationBundle
): Promise<string | null> {
  const [first] = profiles;
  if (first !== undefined && profiles.length === 1) {
    return first.name;
  }
  const result = await InputDialog.getItem({
    title: trans.__('Edit PBS Profile'),
    label: trans.__('Profile'),
    items: profiles.map(({ name }) => name)
  });
  return result.button.accept ? result.value : null;
}
