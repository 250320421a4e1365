export default {
  extends: ['stylelint-config-standard'],
  rules: {
    // JupyterLab's convention for extensions: jp-Package-PartName, jp-mod-variant.
    'selector-class-pattern':
      '^(jp-[A-Z][A-Za-z]*(-[A-Za-z]+)*|jp-mod-[a-z]+|jp-icon\\d)$',
    // Colours come from the theme.
    'color-no-hex': true,
    'color-named': 'never',
    'declaration-no-important': true
  }
};
